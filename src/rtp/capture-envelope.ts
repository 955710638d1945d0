// When a frame was captured, on our monotonic clock: its RTP time plus the least delay seen of late. The least delayed frame wins.

const BUCKET_US = 5_000_000;
/** Twelve buckets: a window of a minute. */
const BUCKETS = 12;
/** The estimate follows the window's minimum no faster than this: a crystal's drift, not a network's mood. */
const MAX_SLEW = 500e-6;
/** While a session is young its minimum is still being found. */
const SETTLING_US = 2_000_000;

/** One per track and session. Times in µs; `elapsedUs` is RTP time since the session's first frame. */
export class CaptureEnvelope {
  readonly #minima: { bucket: number; delayUs: number }[] = [];
  #delayUs: number | undefined;
  #startUs = 0;
  #lastUs = 0;

  /** Capture time of a frame whose last packet came at `arrivalUs`. */
  capture(elapsedUs: number, arrivalUs: number): number {
    const delayUs = arrivalUs - elapsedUs;
    if (this.#delayUs === undefined) {
      this.#startUs = arrivalUs;
      this.#delayUs = delayUs;
    }
    this.#remember(delayUs, arrivalUs);
    this.#follow(arrivalUs);
    return elapsedUs + this.#delayUs;
  }

  #remember(delayUs: number, arrivalUs: number): void {
    const bucket = Math.floor(arrivalUs / BUCKET_US);
    const newest = this.#minima[this.#minima.length - 1];
    if (newest?.bucket === bucket) newest.delayUs = Math.min(newest.delayUs, delayUs);
    else this.#minima.push({ bucket, delayUs });
    while (this.#minima[0]!.bucket <= bucket - BUCKETS) this.#minima.shift();
  }

  #follow(arrivalUs: number): void {
    let minimumUs = Number.POSITIVE_INFINITY;
    for (const { delayUs } of this.#minima) if (delayUs < minimumUs) minimumUs = delayUs;
    const errorUs = minimumUs - this.#delayUs!;
    const settling = arrivalUs - this.#startUs < SETTLING_US && errorUs < 0;
    const limitUs = settling ? Number.POSITIVE_INFINITY : Math.max(0, arrivalUs - this.#lastUs) * MAX_SLEW;
    this.#delayUs! += Math.max(-limitUs, Math.min(limitUs, errorUs));
    this.#lastUs = arrivalUs;
  }
}

// Does a sender's clock run at its rate? Judged by the least delayed frames, so that a network's jitter is no evidence.

const WINDOW_US = 10_000_000;
/** Far more than any crystal is off, less than a viewer notices. */
const MAX_ERROR = 0.005;
/** Windows in a row that must say the same. */
const CONFIRMING_WINDOWS = 2;

/** One per track. `wrong` once the RTP time runs more than half a percent fast or slow against arrival. */
export class RateWatch {
  wrong = false;
  #windowStartUs: number | undefined;
  #least: Sample | undefined;
  #previous: Sample | undefined;
  #votes = 0;

  /** A frame with `elapsedUs` of RTP time since any fixed origin. */
  add(elapsedUs: number, arrivalUs: number): void {
    this.#windowStartUs ??= arrivalUs;
    if (arrivalUs - this.#windowStartUs >= WINDOW_US) {
      this.#judge();
      this.#windowStartUs = arrivalUs;
      this.#previous = this.#least;
      this.#least = undefined;
    }
    const delayUs = arrivalUs - elapsedUs;
    if (this.#least === undefined || delayUs < this.#least.delayUs) this.#least = { delayUs, arrivalUs };
  }

  /** The clock was set: what was seen before says nothing about what comes. */
  restart(): void {
    this.#windowStartUs = undefined;
    this.#least = undefined;
    this.#previous = undefined;
    this.#votes = 0;
  }

  #judge(): void {
    if (this.#previous === undefined || this.#least === undefined) return;
    const error = (this.#least.delayUs - this.#previous.delayUs) / (this.#least.arrivalUs - this.#previous.arrivalUs);
    this.#votes = Math.abs(error) > MAX_ERROR ? this.#votes + 1 : 0;
    if (this.#votes >= CONFIRMING_WINDOWS) this.wrong = true;
  }
}

interface Sample {
  readonly delayUs: number;
  readonly arrivalUs: number;
}

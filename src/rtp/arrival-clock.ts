// Times frames by their arrival, for cameras whose own clock is of no use: a loop that follows the mean distance of frames and smooths jitter.

const PHASE_GAIN = 0.05;
const STEP_GAIN = PHASE_GAIN ** 2 / 4; // critically damped
/** How much faster or slower than real time passes while what the camera's clock was off by is made good. */
const CATCH_UP = 0.1;

export class ArrivalClock {
  readonly #ticksPerUs: number;
  readonly #originUs: number;
  #originTicks: number;
  #ticks: number;
  #stepTicks: number;
  #lagTicks: number;
  #lastUs: number;

  /**
   * Goes on from a frame at `ticks` that came at `arrivalUs` and is `lagTicks` behind where it belongs; `stepTicks`: the usual distance of two
   * frames, 0 where unknown.
   */
  constructor(clockRateHz: number, ticks: number, arrivalUs: number, stepTicks: number, lagTicks = 0) {
    this.#ticksPerUs = clockRateHz / 1e6;
    this.#originUs = arrivalUs;
    this.#originTicks = ticks;
    this.#ticks = ticks;
    this.#stepTicks = stepTicks;
    this.#lagTicks = lagTicks;
    this.#lastUs = arrivalUs;
  }

  /** How far the newest frame is behind where it belongs. */
  get lagTicks(): number {
    return this.#lagTicks;
  }

  /** Ticks of the next frame: at least one more than the last, a fraction only while smoothing. */
  next(arrivalUs: number): number {
    const atMost = Math.max(0, arrivalUs - this.#lastUs) * this.#ticksPerUs * CATCH_UP;
    const caughtUp = Math.max(-atMost, Math.min(atMost, this.#lagTicks));
    this.#lastUs = arrivalUs;
    this.#lagTicks -= caughtUp;
    this.#originTicks += caughtUp;
    const arrivedTicks = this.#originTicks + (arrivalUs - this.#originUs) * this.#ticksPerUs;
    if (this.#stepTicks === 0) this.#stepTicks = Math.max(1, arrivedTicks - this.#ticks);
    const expected = this.#ticks + this.#stepTicks;
    const error = arrivedTicks - expected;
    // After a pause the loop would take long to catch up: a second is no jitter.
    const paused = Math.abs(error) > this.#ticksPerUs * 1e6;
    this.#stepTicks = paused ? this.#stepTicks : Math.max(1, this.#stepTicks + error * STEP_GAIN);
    this.#ticks = Math.max(this.#ticks + 1, paused ? arrivedTicks : expected + error * PHASE_GAIN);
    return Math.round(this.#ticks);
  }
}

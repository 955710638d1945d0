// When a connection has lost its place so often that a new one is the better cure.

const MOST = 5;
const WITHIN_US = 10_000_000;

export class ResyncLimit {
  /** When the place was lost and found again, the newest last. */
  readonly #timesUs: number[] = [];

  /** Once more, at `nowUs`; true when that is too often: more than 5 times within 10 s. */
  isPassed(nowUs: number): boolean {
    this.#timesUs.push(nowUs);
    if (this.#timesUs.length <= MOST) return false;
    return nowUs - this.#timesUs.shift()! <= WITHIN_US;
  }
}

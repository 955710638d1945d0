// What a publisher may send: as much as it likes, less while packets are lost (the loss-based half of draft-ietf-rmcat-gcc-02 §6).

const MOST_BPS = 20_000_000;
const LEAST_BPS = 150_000;
const MUCH_LOST = 0.1;
const LITTLE_LOST = 0.02;

export class BitrateEstimate {
  #bps = MOST_BPS;
  #expected = 0;
  #lost = 0;

  /** To be asked about once a second, with what was expected and lost since the beginning; bit/s. */
  next(expected: number, lost: number): number {
    const share = expected > this.#expected ? (lost - this.#lost) / (expected - this.#expected) : 0;
    this.#expected = expected;
    this.#lost = lost;
    if (share > MUCH_LOST) this.#bps *= 1 - share / 2;
    else if (share < LITTLE_LOST) this.#bps *= 1.05;
    this.#bps = Math.max(LEAST_BPS, Math.min(MOST_BPS, this.#bps));
    return Math.round(this.#bps);
  }
}

// The stretches of UTC whose schedules were seen to: a clock that is set back comes through them again, and nothing in them is done twice.

interface Stretch {
  /** Not included. */
  readonly fromMs: number;
  /** Included. */
  toMs: number;
}

/** A clock is set a few times a year; what is forgotten is the oldest. */
const MAX_STRETCHES = 64;

export class CoveredTime {
  readonly #stretches: Stretch[] = [];

  add(fromMs: number, toMs: number): void {
    const newest = this.#stretches.at(-1);
    if (newest !== undefined && newest.toMs === fromMs) newest.toMs = toMs;
    else this.#stretches.push({ fromMs, toMs });
    if (this.#stretches.length > MAX_STRETCHES) this.#stretches.shift();
  }

  has(utcMs: number): boolean {
    return this.#stretches.some(({ fromMs, toMs }) => fromMs < utcMs && utcMs <= toMs);
  }
}

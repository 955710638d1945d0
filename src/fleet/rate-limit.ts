// Token buckets: so many at once, and so many in the long run.

export interface Rate {
  readonly burst: number;
  /** One more is allowed after so long. */
  readonly everyMs: number;
}

export class RateLimit {
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = nowMs;
  }

  /** Takes one; false: there is none. */
  take(nowMs: number): boolean {
    const { burst, everyMs } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + Math.max(0, nowMs - this.#atMs) / everyMs);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** How long until there is one. */
  waitMs(nowMs: number): number {
    const { everyMs } = this.#rate;
    return Math.max(0, Math.ceil((1 - this.#tokens) * everyMs - (nowMs - this.#atMs)));
  }
}

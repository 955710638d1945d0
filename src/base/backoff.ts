// Waiting times between attempts: they grow by a factor up to a cap, and vary, so that many who lost the same peer do not return together.

export interface BackoffOptions {
  /** The first wait. */
  readonly baseMs: number;
  /** Waits grow up to this, jitter apart. */
  readonly capMs: number;
  readonly factor?: number;
  /** A wait is off by up to this part of itself, either way. */
  readonly jitter?: number;
  /** 0 … 1, as Math.random. */
  readonly random?: () => number;
}

export class Backoff {
  readonly #options: Required<BackoffOptions>;
  #nextBaseMs: number;

  constructor(options: BackoffOptions) {
    this.#options = { factor: 2, jitter: 0.2, random: Math.random, ...options };
    this.#nextBaseMs = options.baseMs;
  }

  /** How long to wait before the next attempt, in whole milliseconds. */
  nextMs(): number {
    const { capMs, factor, jitter, random } = this.#options;
    const waitMs = Math.min(this.#nextBaseMs, capMs);
    this.#nextBaseMs = waitMs * factor;
    return Math.round(waitMs * (1 + jitter * (2 * random() - 1)));
  }

  /** An attempt succeeded: the next wait is the first one again. */
  reset(): void {
    this.#nextBaseMs = this.#options.baseMs;
  }
}

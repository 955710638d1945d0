// Holds a flow of bytes back to a rate, so that an upload leaves room on the link for others.

export interface BytePaceOptions {
  readonly kbps: number;
  /** Monotonic. */
  nowMs(): number;
  /** Rejects when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** What goes at once: a quarter of a second's worth. */
const SLICE_MS = 250;
const MIN_SLICE_BYTES = 512;
const MAX_SLICE_BYTES = 65_536;

export class BytePace {
  readonly #options: BytePaceOptions;
  readonly #sliceBytes: number;
  /** When the next byte may go. */
  #freeMs = Number.NEGATIVE_INFINITY;

  constructor(options: BytePaceOptions) {
    this.#options = options;
    this.#sliceBytes = Math.min(MAX_SLICE_BYTES, Math.max(MIN_SLICE_BYTES, Math.floor((options.kbps * SLICE_MS) / 8)));
  }

  /** The same bytes in slices, each when its time has come. What was not used of the rate is lost. Rejects when it is aborted. */
  async *slow(bytes: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer, undefined> {
    const { kbps, nowMs, sleep } = this.#options;
    for await (const chunk of bytes) {
      for (let at = 0; at < chunk.length; at += this.#sliceBytes) {
        const slice = chunk.subarray(at, at + this.#sliceBytes);
        const waitMs = this.#freeMs - nowMs();
        if (waitMs > 0) await sleep(waitMs, signal);
        this.#freeMs = Math.max(this.#freeMs, nowMs()) + (slice.length * 8) / kbps;
        yield slice;
      }
    }
  }
}

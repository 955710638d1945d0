// The rule for a slow reader of a replay: the recording waits for it.
import type { MediaWriter } from "./media-writer.ts";

/** Bytes that a reader may leave unread before it is waited for. */
const MAX_PENDING_BYTES = 1 << 20;

export interface ReplayGateOptions {
  readonly writer: MediaWriter;
  readonly writeTimeoutUs: number;
  /** Stops and goes on. */
  readonly source: { pause(): void; play(): void };
  /** Called once, when the peer took nothing for `writeTimeoutUs`. */
  onStuck(): void;
}

/** Lets every unit pass; pauses its source when the reader is behind, until it has taken everything. */
export class ReplayGate {
  readonly discarded = 0;
  readonly #options: ReplayGateOptions;
  /** While the reader is waited for: what it left unread, and since when it takes nothing. */
  #waiting: { pendingBytes: number; sinceUs: number | undefined } | undefined;

  constructor(options: ReplayGateOptions) {
    this.#options = options;
  }

  admits(): boolean {
    return true;
  }

  wrote(): void {
    const { writer, source } = this.#options;
    const pendingBytes = writer.pendingBytes();
    if (pendingBytes <= MAX_PENDING_BYTES || this.#waiting !== undefined) return;
    this.#waiting = { pendingBytes, sinceUs: undefined };
    writer.onceDrained(() => {
      this.#waiting = undefined;
      source.play();
    });
    source.pause();
  }

  endBacklog(): void {}

  /** Due about once a second. */
  tick(nowUs: number): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const pendingBytes = this.#options.writer.pendingBytes();
    if (waiting.sinceUs === undefined || pendingBytes < waiting.pendingBytes) {
      waiting.pendingBytes = pendingBytes;
      waiting.sinceUs = nowUs;
    } else if (nowUs - waiting.sinceUs >= this.#options.writeTimeoutUs) {
      this.#waiting = undefined;
      this.#options.onStuck();
    }
  }
}

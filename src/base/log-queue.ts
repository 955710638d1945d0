// The bounded queue before one log destination: whoever logs never waits, a destination that is slow or broken costs lines, not memory.
import { setTimeout as delay } from "node:timers/promises";
import { Backoff } from "./backoff.ts";
import { errorText } from "./errors.ts";
import type { LogRecord } from "./log-line.ts";

/** Where records end up. */
export interface LogSink {
  /** As it stands in a report of its fault. */
  readonly name: string;
  /** Called again only when the last call is through. A rejection says that the records are lost; the next call opens the destination anew. */
  write(records: readonly LogRecord[]): Promise<void>;
  close(): Promise<void>;
}

export interface LogQueueOptions {
  /** Called once for each new kind of fault of the sink. */
  readonly onFault: (text: string) => void;
  readonly now: () => Date;
  /** What may wait, in UTF-16 units of text. */
  readonly limitLength?: number;
  /** What goes to the sink at once. */
  readonly batchLength?: number;
  /** Pauses after a failed write; ends early when the signal is aborted. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** How long `flush` and `close` wait for a sink that does not answer. */
  readonly closeTimeoutMs?: number;
}

/** What a record costs beside its text. */
const RECORD_OVERHEAD = 64;

export class LogQueue {
  readonly #sink: LogSink;
  readonly #options: Required<LogQueueOptions>;
  readonly #backoff = new Backoff({ baseMs: 1000, capMs: 30_000 });
  readonly #hurry = new AbortController();
  #closed = false;
  #waiting: LogRecord[] = [];
  #waitingLength = 0;
  #dropped = 0;
  #reportedFault: string | undefined;
  #draining: Promise<void> | undefined;

  constructor(sink: LogSink, options: LogQueueOptions) {
    this.#sink = sink;
    this.#options = { limitLength: 1 << 20, batchLength: 1 << 16, pause: pauseFor, closeTimeoutMs: 1000, ...options };
  }

  /** Queues a record, or counts it as dropped. */
  push(record: LogRecord): void {
    const length = record.text.length + RECORD_OVERHEAD;
    if (this.#closed || this.#waitingLength + length > this.#options.limitLength) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(record);
    this.#waitingLength += length;
    this.#draining ??= this.#drain();
  }

  /** Writes what waits, as far as the sink takes it within the time limit. From now on failed writes are not followed by a pause. */
  async flush(): Promise<void> {
    this.#hurry.abort();
    await this.#withinLimit(this.#draining);
  }

  /** Flushes and closes the sink; later records are dropped. */
  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    await this.#withinLimit(this.#sink.close());
  }

  async #withinLimit(work: Promise<void> | undefined): Promise<void> {
    const done = new AbortController();
    await Promise.race([work, pauseFor(this.#options.closeTimeoutMs, done.signal)]).finally(() => done.abort());
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#sink.write(batch);
        this.#backoff.reset();
        this.#reportDropped();
      } catch (error) {
        this.#dropped += batch.length;
        this.#reportFault(errorText(error));
        await this.#options.pause(this.#backoff.nextMs(), this.#hurry.signal);
      }
    }
    this.#draining = undefined;
  }

  #takeBatch(): LogRecord[] {
    let count = 0;
    let length = 0;
    for (const record of this.#waiting) {
      if (count > 0 && length + record.text.length > this.#options.batchLength) break;
      length += record.text.length;
      count++;
    }
    const batch = this.#waiting.splice(0, count);
    this.#waitingLength -= length + count * RECORD_OVERHEAD;
    return batch;
  }

  /** The notice stands where the lines are missing: after all that was queued before them. */
  #reportDropped(): void {
    if (this.#dropped === 0 || this.#waiting.length > 0) return;
    const text = `${this.#dropped} log lines were dropped: ${this.#sink.name} did not take them`;
    this.#dropped = 0;
    this.#waiting.push({ time: this.#options.now(), level: "warn", text });
    this.#waitingLength += text.length + RECORD_OVERHEAD;
  }

  #reportFault(fault: string): void {
    if (fault === this.#reportedFault) return;
    this.#reportedFault = fault;
    this.#options.onFault(`${this.#sink.name} cannot be written: ${fault}`);
  }
}

function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal }).catch(() => {}); // An abort ends the pause.
}

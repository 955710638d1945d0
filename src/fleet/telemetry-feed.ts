// Telemetry: one document after each interval, sent where somebody takes it, thinned and kept where nobody does.
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Schedule } from "#base/schedule.ts";
import type { Happened } from "./envelope.ts";
import { type Sample, TelemetryThinner, type ThinnedSample } from "./telemetry-thinner.ts";
import type { Uplink } from "./uplink.ts";

export interface TelemetryFeedOptions {
  readonly uplink: Pick<Uplink, "isOpen" | "isPaused" | "tell" | "add">;
  /** Of now. */
  intervalMs(): number;
  /** The document, without its envelope. */
  read(): Promise<Sample>;
  /** Of a monotonic time of this boot, in ms. */
  happenedAt(ms: number): Happened;
  nowMs(): number;
  readonly schedule: Schedule;
  readonly log: Log;
}

export class TelemetryFeed {
  readonly #options: TelemetryFeedOptions;
  readonly #thinner = new TelemetryThinner();
  #cancel: (() => void) | undefined;
  /** When the last one was begun. */
  #lastMs: number | undefined;
  #isClosed = false;
  #isReading = false;
  #hasFailed = false;

  constructor(options: TelemetryFeedOptions) {
    this.#options = options;
  }

  /** One now, and from then on after each interval. */
  sendNow(): void {
    if (this.#isClosed) return;
    this.#lastMs = this.#options.nowMs();
    this.#wait(this.#options.intervalMs());
    if (!this.#isReading) void this.#send();
  }

  /** The next one comes when it would have if the interval had been this one all along. */
  intervalChanged(): void {
    if (this.#isClosed || this.#lastMs === undefined) return;
    const { intervalMs, nowMs } = this.#options;
    this.#wait(Math.max(0, this.#lastMs + intervalMs() - nowMs()));
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
    for (const kept of this.#thinner.end()) this.#keep(kept);
  }

  #wait(delayMs: number): void {
    this.#cancel?.();
    this.#cancel = this.#options.schedule(() => this.sendNow(), delayMs);
  }

  async #send(): Promise<void> {
    const { uplink, read, nowMs, log } = this.#options;
    this.#isReading = true;
    try {
      const body = await read();
      this.#hasFailed = false;
      if (this.#isClosed) return;
      const isTaken = uplink.isOpen && !uplink.isPaused;
      for (const kept of isTaken ? this.#thinner.end() : this.#thinner.push(body, nowMs())) this.#keep(kept);
      if (isTaken) uplink.tell({ topic: "tel", body });
    } catch (error) {
      if (!this.#hasFailed) log.error(`telemetry cannot be read: ${errorText(error)}`);
      this.#hasFailed = true;
    } finally {
      this.#isReading = false;
    }
  }

  #keep({ atMs, body }: ThinnedSample): void {
    void this.#options.uplink.add(2, { topic: "tel", happened: this.#options.happenedAt(atMs), body }).catch((error: unknown) => {
      this.#options.log.warn(`telemetry is not kept: ${errorText(error)}`); // larger than the outbox takes
    });
  }
}

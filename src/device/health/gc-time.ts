// How much time garbage collection takes, over the last whole minute.
import { PerformanceObserver } from "node:perf_hooks";

export interface GcTimeOptions {
  /** Calls back with the length of each collection, ms, until the returned function is called. */
  readonly observe: (collected: (durationMs: number) => void) => () => void;
  /** Calls back at the end of each minute until the returned function is called. */
  readonly everyMinute: (run: () => void) => () => void;
}

const WINDOW_MS = 60_000;

export class GcTime {
  /** Since the start. */
  totalMs = 0;
  #runMs = 0;
  #lastMinuteMs: number | undefined;
  readonly #stops: readonly (() => void)[];

  constructor({ observe, everyMinute }: GcTimeOptions) {
    const collected = (durationMs: number): void => {
      this.#runMs += durationMs;
      this.totalMs += durationMs;
    };
    const endMinute = (): void => {
      this.#lastMinuteMs = this.#runMs;
      this.#runMs = 0;
    };
    this.#stops = [observe(collected), everyMinute(endMinute)];
  }

  /** Measures from now on, until `close`. It keeps no process alive. */
  static start(): GcTime {
    return new GcTime({
      observe(collected) {
        const observer = new PerformanceObserver((list) => {
          for (const { duration } of list.getEntries()) collected(duration);
        });
        observer.observe({ entryTypes: ["gc"] });
        return () => observer.disconnect();
      },
      everyMinute(run) {
        const timer = setInterval(run, WINDOW_MS).unref();
        return () => clearInterval(timer);
      },
    });
  }

  /** Of the last whole minute, the same for everybody who asks; in the first minute, since the start. */
  get minuteMs(): number {
    return this.#lastMinuteMs ?? this.#runMs;
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }
}

// How late the event loop is: what Node's histogram of it tells, over the last whole minute.
import { monitorEventLoopDelay } from "node:perf_hooks";

export interface DelayReport {
  readonly p50Seconds: number;
  readonly p99Seconds: number;
  readonly maxSeconds: number;
}

/** Fits Node's IntervalHistogram. Nanoseconds. */
export interface DelayHistogram {
  readonly count: number;
  readonly max: number;
  percentile(percentile: number): number;
  reset(): void;
}

export interface EventLoopDelayOptions {
  /** Times between two beats of a timer of `RESOLUTION_MS`. */
  readonly histogram: DelayHistogram;
  /** Calls back at the end of each minute until the returned function is called. */
  readonly everyMinute: (run: () => void) => () => void;
}

const RESOLUTION_MS = 20;
const WINDOW_MS = 60_000;

export class EventLoopDelay {
  readonly #histogram: DelayHistogram;
  readonly #stop: () => void;
  #lastMinute: DelayReport | undefined;

  constructor({ histogram, everyMinute }: EventLoopDelayOptions) {
    this.#histogram = histogram;
    this.#stop = everyMinute(() => {
      this.#lastMinute = reportOf(histogram);
      histogram.reset();
    });
  }

  /** Measures from now on, until `close`. It keeps no process alive. */
  static start(): EventLoopDelay {
    const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    histogram.enable();
    return new EventLoopDelay({
      histogram,
      everyMinute(run) {
        const timer = setInterval(run, WINDOW_MS).unref();
        return () => {
          clearInterval(timer);
          histogram.disable();
        };
      },
    });
  }

  /** Of the last whole minute, the same for everybody who asks; in the first minute, since the start. Undefined: nothing was measured. */
  report(): DelayReport | undefined {
    return this.#lastMinute ?? reportOf(this.#histogram);
  }

  close(): void {
    this.#stop();
  }
}

function reportOf(histogram: DelayHistogram): DelayReport | undefined {
  if (histogram.count === 0) return undefined;
  return {
    p50Seconds: lateness(histogram.percentile(50)),
    p99Seconds: lateness(histogram.percentile(99)),
    maxSeconds: lateness(histogram.max),
  };
}

/** Node counts the timer's own period in. */
function lateness(beatNs: number): number {
  return Math.max(0, beatNs - RESOLUTION_MS * 1e6) / 1e9;
}

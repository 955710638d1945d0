// Counts what may happen at every packet, and reports the counts at most once a second.

/** What was counted since the last report. */
export interface EventReport {
  readonly total: number;
  /** Count of each cause, in order of first occurrence. */
  readonly causes: ReadonlyMap<string, number>;
  readonly lastCause: string;
}

export interface EventCounterOptions {
  readonly intervalMs?: number;
  /** Calls back once after a delay, unless the returned function is called before. */
  readonly schedule?: (run: () => void, delayMs: number) => () => void;
}

/** Causes beyond these share one entry: the number of texts is bounded even where a text comes from a peer. */
const MAX_CAUSES = 16;
const OTHER_CAUSES = "other";

export class EventCounter {
  readonly #report: (report: EventReport) => void;
  readonly #intervalMs: number;
  readonly #schedule: (run: () => void, delayMs: number) => () => void;
  #causes = new Map<string, number>();
  #total = 0;
  #lastCause = "";
  #cancel: (() => void) | undefined;

  constructor(report: (report: EventReport) => void, { intervalMs = 1000, schedule = afterDelay }: EventCounterOptions = {}) {
    this.#report = report;
    this.#intervalMs = intervalMs;
    this.#schedule = schedule;
  }

  /** The report comes one interval after the first event since the last report; without events there is no timer. */
  count(cause: string): void {
    const key = this.#causes.has(cause) || this.#causes.size < MAX_CAUSES ? cause : OTHER_CAUSES;
    this.#causes.set(key, (this.#causes.get(key) ?? 0) + 1);
    this.#total++;
    this.#lastCause = cause;
    this.#cancel ??= this.#schedule(() => this.flush(), this.#intervalMs);
  }

  /** Reports at once what is not reported yet, and cancels the timer. The counter can still be used. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#total === 0) return;
    const report = { total: this.#total, causes: this.#causes, lastCause: this.#lastCause };
    this.#causes = new Map();
    this.#total = 0;
    this.#report(report);
  }
}

/** `3 × sequence gap, 1 × bad FU-A (last: sequence gap)`, for one log line. */
export function eventReportText({ causes, lastCause }: EventReport): string {
  const counts = [...causes].map(([cause, count]) => `${count} × ${cause}`).join(", ");
  return causes.size > 1 ? `${counts} (last: ${lastCause})` : counts;
}

function afterDelay(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs).unref();
  return () => clearTimeout(timer);
}

// Says when something falls due, by a clock that may be unknown, set forward and set back: each due time is met once at most.
import { CoveredTime } from "./covered-time.ts";

export interface Time {
  readonly utcMs: number;
  /** Until it is, nothing falls due. */
  readonly isTrusted: boolean;
}

/** When something is due. */
export interface Times {
  /** The first one after an instant; undefined: none for years. */
  next(utcMs: number): number | undefined;
  /** The last one up to an instant. */
  previous(utcMs: number): number | undefined;
}

export interface TimetableEntry {
  /** Entries with equal keys are the same one. */
  readonly key: string;
  readonly times: Times;
  /** Must not throw. */
  run(dueMs: number): void;
}

export interface TimetableOptions {
  now(): Time;
  /** The clock went forward by so much at once that what lies between is left out. */
  onLeap?(aheadMs: number): void;
}

/** Time that is made up for: a process that was held, or a clock that is put right a little. Several due times of one entry in it are one. */
export const CATCH_UP_MS = 600_000;

interface Row {
  readonly entry: TimetableEntry;
  /** The next due time after `afterMs`. */
  afterMs: number;
  nextMs: number | undefined;
}

/** `tick` is to be called every second or so. */
export class Timetable {
  readonly #options: TimetableOptions;
  readonly #covered = new CoveredTime();
  #rows = new Map<string, Row>();
  #lastMs: number | undefined;

  constructor(options: TimetableOptions) {
    this.#options = options;
  }

  /** Entries that were there before go on; new ones begin now. */
  setEntries(entries: readonly TimetableEntry[]): void {
    const before = this.#rows;
    this.#rows = new Map(
      entries.map((entry) => {
        const { afterMs, nextMs } = before.get(entry.key) ?? { afterMs: Number.POSITIVE_INFINITY, nextMs: undefined };
        return [entry.key, { entry, afterMs, nextMs }];
      }),
    );
  }

  tick(): void {
    const { utcMs, isTrusted } = this.#options.now();
    const lastMs = this.#lastMs;
    this.#lastMs = isTrusted ? utcMs : undefined;
    // A clock that is trusted from now on, or that was set back: what is due is due from here.
    if (!isTrusted || lastMs === undefined || utcMs <= lastMs) return;
    if (utcMs - lastMs > CATCH_UP_MS) {
      this.#options.onLeap?.(utcMs - lastMs);
      return;
    }
    for (const row of this.#rows.values()) {
      const dueMs = dueIn(row, lastMs, utcMs);
      if (dueMs !== undefined && !this.#covered.has(dueMs)) row.entry.run(dueMs);
    }
    this.#covered.add(lastMs, utcMs);
  }

  /** When an entry is due next, as far as is known now. */
  nextOf(key: string): number | undefined {
    const row = this.#rows.get(key);
    const { utcMs, isTrusted } = this.#options.now();
    if (row === undefined || !isTrusted) return undefined;
    const isAhead = row.nextMs !== undefined && utcMs >= row.afterMs && utcMs < row.nextMs;
    let nextMs = isAhead ? row.nextMs : row.entry.times.next(utcMs);
    while (nextMs !== undefined && this.#covered.has(nextMs)) nextMs = row.entry.times.next(nextMs);
    return nextMs;
  }
}

/** The last due time in (fromMs, toMs]. */
function dueIn(row: Row, fromMs: number, toMs: number): number | undefined {
  const nextMs = nextAfter(row, fromMs);
  return nextMs === undefined || nextMs > toMs ? undefined : row.entry.times.previous(toMs);
}

/** Asked every second: it is looked up again only when it has passed, or the clock was set back. */
function nextAfter(row: Row, utcMs: number): number | undefined {
  if (utcMs < row.afterMs || (row.nextMs !== undefined && utcMs >= row.nextMs)) {
    row.afterMs = utcMs;
    row.nextMs = row.entry.times.next(utcMs);
  }
  return row.nextMs;
}

// The instants that a cron expression means in a time zone. Where the hour is fixed, a time that summer time leaves out comes when the clock jumps, and one
// that it repeats comes the first time only; an expression for every hour follows the real minutes, so that nothing is left out and nothing is bunched.
import type { CronExpression } from "./cron-expression.ts";
import type { TimeZone } from "./time-zone.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
/** 29 February may be eight years away. */
const MAX_DAYS = 366 * 9;
/** Days before or after 1970 that a Date can hold, with room for the search. */
const LAST_DAY = 1e8 - 2 * MAX_DAYS;

export class CronTimes {
  readonly #expression: CronExpression;
  readonly #zone: TimeZone;
  /** Of the days that were looked at last. */
  readonly #instants = new Map<number, readonly number[]>();

  constructor(expression: CronExpression, zone: TimeZone) {
    this.#expression = expression;
    this.#zone = zone;
  }

  /** The first one after `utcMs`. Undefined: none in the next years. */
  next(utcMs: number): number | undefined {
    const today = this.#dayOf(utcMs);
    // What is left out at the end of a day comes in the next one.
    for (let day = today - 1; day <= today + MAX_DAYS; day++) {
      const found = this.#instantsOf(day).find((instant) => instant > utcMs);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The last one up to `utcMs`, this instant included. Undefined: none in the last years. */
  previous(utcMs: number): number | undefined {
    const today = this.#dayOf(utcMs);
    for (let day = today; day >= today - MAX_DAYS; day--) {
      const found = this.#instantsOf(day).findLast((instant) => instant <= utcMs);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Days since 1970, of the local date. */
  #dayOf(utcMs: number): number {
    const day = Math.floor(this.#zone.localOf(utcMs) / DAY_MS);
    return Math.max(-LAST_DAY, Math.min(day, LAST_DAY));
  }

  /** Ascending. */
  #instantsOf(day: number): readonly number[] {
    if (!this.#isDay(day)) return [];
    const known = this.#instants.get(day);
    if (known !== undefined) return known;
    if (this.#instants.size >= 4) this.#instants.clear();
    const made = this.#make(day);
    this.#instants.set(day, made);
    return made;
  }

  #isDay(day: number): boolean {
    const { daysOfMonth, months, daysOfWeek } = this.#expression;
    const date = new Date(day * DAY_MS);
    return months.has(date.getUTCMonth() + 1) && daysOfMonth.has(date.getUTCDate()) && daysOfWeek.has(date.getUTCDay());
  }

  #make(day: number): readonly number[] {
    const zone = this.#zone;
    const { minutes, hours } = this.#expression;
    const [startMs, endMs] = [zone.utcOf(day * DAY_MS), zone.utcOf((day + 1) * DAY_MS)];
    const changes = endMs - startMs !== DAY_MS;
    if (changes && hours.length === 24) return realMinutes(startMs, endMs, (utcMs) => minutes.includes(minuteOf(zone.localOf(utcMs))));
    const instants = hours.flatMap((hour) =>
      minutes.map((minute) => {
        const intoMs = (hour * 60 + minute) * MINUTE_MS;
        return changes ? zone.utcOf(day * DAY_MS + intoMs) : startMs + intoMs;
      }),
    );
    return [...new Set(instants)].sort((a, b) => a - b);
  }
}

function minuteOf(localMs: number): number {
  return Math.floor(localMs / MINUTE_MS) % 60;
}

function realMinutes(startMs: number, endMs: number, isMeant: (utcMs: number) => boolean): readonly number[] {
  const found: number[] = [];
  for (let utcMs = startMs; utcMs < endMs; utcMs += MINUTE_MS) if (isMeant(utcMs)) found.push(utcMs);
  return found;
}

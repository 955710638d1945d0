// What schedules last said: a switch with times for each of its positions. It needs no memory, so that it is right after any start and any change of the clock.
import type { Times } from "./timetable.ts";

export interface Order<T> {
  readonly times: Times;
  readonly value: T;
}

export interface Standing<T> {
  readonly value: T;
  readonly sinceMs: number;
}

export class StandingOrder<T> {
  readonly #orders: readonly Order<T>[];
  /** What holds from `fromMs` until `untilMs`, that instant not included. */
  #known: { readonly fromMs: number; readonly untilMs: number; readonly standing: Standing<T> | undefined } | undefined;

  /** Of two that are due at one time the one that stands later counts. */
  constructor(orders: readonly Order<T>[]) {
    this.#orders = orders;
  }

  /** Undefined: none was due in the last years. */
  at(utcMs: number): Standing<T> | undefined {
    const known = this.#known;
    if (known !== undefined && utcMs >= known.fromMs && utcMs < known.untilMs) return known.standing;
    let standing: Standing<T> | undefined;
    let untilMs = Number.POSITIVE_INFINITY;
    for (const { times, value } of this.#orders) {
      const sinceMs = times.previous(utcMs);
      if (sinceMs !== undefined && (standing === undefined || sinceMs >= standing.sinceMs)) standing = { value, sinceMs };
      untilMs = Math.min(untilMs, times.next(utcMs) ?? Number.POSITIVE_INFINITY);
    }
    this.#known = { fromMs: standing?.sinceMs ?? utcMs, untilMs, standing };
    return standing;
  }
}

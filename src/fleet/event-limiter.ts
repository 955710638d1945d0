// How many events a gateway tells: so many of a type, so many at all; the rest is counted and told as a count.
import { type Rate, RateLimit } from "./rate-limit.ts";

const OF_A_TYPE: Rate = { burst: 10, everyMs: 1000 };
const OF_ALL: Rate = { burst: 60, everyMs: 1000 };
/** Types come from our own code; beyond so many they share. */
const MAX_TYPES = 100;

export class EventLimiter {
  readonly #types = new Map<string, RateLimit>();
  readonly #all: RateLimit;
  readonly #suppressed = new Map<string, number>();

  constructor(nowMs: number) {
    this.#all = new RateLimit(OF_ALL, nowMs);
  }

  /** False: it is counted instead. */
  admit(type: string, nowMs: number): boolean {
    const limit = this.#limitOf(type, nowMs);
    if (limit.take(nowMs) && this.#all.take(nowMs)) return true;
    this.#suppressed.set(type, (this.#suppressed.get(type) ?? 0) + 1);
    return false;
  }

  get hasSuppressed(): boolean {
    return this.#suppressed.size > 0;
  }

  /** How many of each type were not told, since the last call. */
  takeSuppressed(): ReadonlyMap<string, number> {
    const counts = new Map(this.#suppressed);
    this.#suppressed.clear();
    return counts;
  }

  #limitOf(type: string, nowMs: number): RateLimit {
    const key = this.#types.has(type) || this.#types.size < MAX_TYPES ? type : "";
    const known = this.#types.get(key) ?? new RateLimit(OF_A_TYPE, nowMs);
    this.#types.set(key, known);
    return known;
  }
}

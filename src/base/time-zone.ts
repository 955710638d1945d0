// Local time of a time zone, and back: what a clock on the wall of that place shows, changes to and from summer time included.

const DAY_MS = 86_400_000;
/** Each takes the formatter's memory: those that are in use are one. */
const MAX_ZONES = 32;

/** A local time is a number of ms that reads, as if it were UTC, what the clock on the wall shows. */
export class TimeZone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;

  private constructor(name: string) {
    this.name = name;
    this.#format = new Intl.DateTimeFormat("en-US-u-ca-iso8601-nu-latn", {
      timeZone: name,
      hourCycle: "h23",
      ...{ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" },
    });
  }

  /** Undefined: there is no such zone. Names are those of the IANA database: `UTC`, `Europe/Berlin`. */
  static of(name: string): TimeZone | undefined {
    const known = zones.get(name);
    if (known !== undefined || !/^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/.test(name)) return known;
    try {
      const zone = new TimeZone(name);
      if (zones.size >= MAX_ZONES) zones.clear();
      zones.set(name, zone);
      return zone;
    } catch {
      return undefined;
    }
  }

  localOf(utcMs: number): number {
    const parts: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(utcMs)) parts[type] = Number(value);
    const wholeMs = Date.UTC(parts["year"]!, parts["month"]! - 1, parts["day"], parts["hour"], parts["minute"], parts["second"]);
    return wholeMs + (((utcMs % 1000) + 1000) % 1000);
  }

  /** Local − UTC, in ms. */
  offsetAt(utcMs: number): number {
    return this.localOf(utcMs) - utcMs;
  }

  /** A time that the clock shows twice: the first. One that it leaves out: when it does so. */
  utcOf(localMs: number): number {
    const [before, after] = [this.offsetAt(localMs - DAY_MS), this.offsetAt(localMs + DAY_MS)];
    const found = [before, after].map((offset) => localMs - offset).filter((utcMs) => this.localOf(utcMs) === localMs);
    return found.length > 0
      ? Math.min(...found)
      : this.#changeBetween(localMs - Math.max(before, after), localMs - Math.min(before, after));
  }

  /** The first ms of the second's offset. */
  #changeBetween(fromMs: number, toMs: number): number {
    const after = this.offsetAt(toMs);
    let [low, high] = [fromMs, toMs];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetAt(middle) === after) high = middle;
      else low = middle;
    }
    return high;
  }
}

const zones = new Map<string, TimeZone>();

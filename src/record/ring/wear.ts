// How much of the medium's life is used: bytes written against what it is rated for, and the days that are left at this pace.

/** `warn`: tell; `protect`: near the end, also write less: fewer pictures, but for what is locked as it comes. */
export type WearPolicy = "warn" | "protect";

/** `unknown`: nobody said what the medium is rated for. */
export type WearLevel = "unknown" | "good" | "warn" | "protect";

export interface WearReport {
  readonly writtenBytes: number;
  readonly ratedBytes: number | undefined;
  /** 0 … 1 and more; undefined without a rating. */
  readonly used: number | undefined;
  readonly bytesPerDay: number | undefined;
  /** Undefined without a rating or before the pace is known. */
  readonly daysLeft: number | undefined;
  readonly level: WearLevel;
}

export interface WearOptions {
  /** Terabytes (10^12) the medium is rated to take. */
  readonly ratedTb: number | undefined;
  readonly policy: WearPolicy;
}

const WARN_FROM = 0.8;
const PROTECT_FROM = 0.95;
/** A pace is told once it was watched this long. */
const MIN_WATCH_US = 600e6;
const DAY_US = 86_400e6;
/** File systems write whole pages. */
const PAGE_BYTES = 4096;

export class WearMeter {
  options: WearOptions;
  readonly #startUs: number;
  #before: number;
  #written = 0;

  /** `writtenBytes`: before this start. */
  constructor(options: WearOptions, nowUs: number, writtenBytes = 0) {
    this.options = options;
    this.#startUs = nowUs;
    this.#before = writtenBytes;
  }

  get writtenBytes(): number {
    return this.#before + this.#written;
  }

  /** What was written before this start is known by now. */
  restore(writtenBytes: number): void {
    this.#before = Math.max(this.#before, writtenBytes);
  }

  /** A write of `sizeBytes` at `position` of a file, in whole pages. */
  add(position: number, sizeBytes: number): void {
    if (sizeBytes > 0) this.#written += (Math.ceil((position + sizeBytes) / PAGE_BYTES) - Math.floor(position / PAGE_BYTES)) * PAGE_BYTES;
  }

  report(nowUs: number): WearReport {
    const { ratedTb, policy } = this.options;
    const { writtenBytes } = this;
    const watchedUs = nowUs - this.#startUs;
    const bytesPerDay = watchedUs < MIN_WATCH_US ? undefined : (this.#written / watchedUs) * DAY_US;
    if (ratedTb === undefined)
      return { writtenBytes, ratedBytes: undefined, used: undefined, bytesPerDay, daysLeft: undefined, level: "unknown" };
    const ratedBytes = ratedTb * 1e12;
    const used = writtenBytes / ratedBytes;
    const daysLeft = bytesPerDay === undefined || bytesPerDay === 0 ? undefined : Math.max(0, ratedBytes - writtenBytes) / bytesPerDay;
    const level = used < WARN_FROM ? "good" : used >= PROTECT_FROM && policy === "protect" ? "protect" : "warn";
    return { writtenBytes, ratedBytes, used, bytesPerDay, daysLeft, level };
  }
}

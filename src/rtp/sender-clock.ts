// The sender's own wall clock, from its RTCP sender reports (RFC 3550 §6.4.1), once two of them agree.
import { ntpToUtcUs } from "./rtcp.ts";

/** Two reports agree when their NTP times are as far apart as their RTP times, to this much. */
const AGREEMENT_US = 50_000;
/** Reports nearer than this say too little about the rate. */
const MIN_RATE_US = 500_000;
/** What crystals and a clock that is being slewed differ by; more is a small step of the clock, not its rate. */
const MAX_RATE_ERROR = 1000e-6;
/** What a camera clock can be: later than 2020, before 2100. Others are unset (1900, 1970) or nonsense. */
const EARLIEST_UTC_US = Date.UTC(2020, 0, 1) * 1000;
const LATEST_UTC_US = Date.UTC(2100, 0, 1) * 1000;

/** A point on the line between the sender's RTP time and its UTC. */
interface Point {
  readonly ticks: number;
  readonly utcUs: number;
  readonly arrivalUs: number;
}

/** What outlives a session: the sender's UTC at an instant of our monotonic clock, and how fast its RTP clock counts. */
export interface SenderClockMemory {
  last: { readonly utcUs: number; readonly monotonicUs: number } | undefined;
  /** Seconds of UTC in a second of RTP time, where it was measured: near 1. */
  rate?: number;
}

/** One per track and session. `memory` goes on to the next session: a first report that agrees with it is accepted at once. */
export class SenderClock {
  /** Reports that were not accepted, of whatever cause. */
  rejected = 0;
  readonly #usPerTick: number;
  readonly #memory: SenderClockMemory;
  #accepted: Point | undefined;
  #candidate: Point | undefined;
  /** µs of UTC per tick, as the reports have it: near the nominal rate. */
  #slope: number;

  constructor(clockRateHz: number, memory: SenderClockMemory) {
    this.#usPerTick = 1e6 / clockRateHz;
    this.#slope = this.#usPerTick * (memory.rate ?? 1);
    this.#memory = memory;
  }

  /** A report: `ticks` is its RTP timestamp, unwrapped as those of the packets are. */
  report(ntpSeconds: number, ntpFraction: number, ticks: number, arrivalUs: number): void {
    const point: Point = { ticks, utcUs: ntpToUtcUs(ntpSeconds, ntpFraction), arrivalUs };
    if (ntpSeconds === 0 || point.utcUs < EARLIEST_UTC_US || point.utcUs > LATEST_UTC_US) {
      this.rejected++;
      return;
    }
    const before = this.#accepted ?? this.#candidate;
    if (before !== undefined && this.#agrees(before, point)) this.#accept(before, point);
    else if (this.#candidate !== undefined && this.#agrees(this.#candidate, point)) this.#accept(this.#candidate, point);
    else if (before === undefined && this.#agreesWithMemory(point)) this.#accept(undefined, point);
    else {
      this.rejected++;
      this.#candidate = point;
    }
  }

  /** The sender's UTC at `ticks`, µs since 1970; undefined before a report was accepted. */
  utcUsAt(ticks: number): number | undefined {
    const point = this.#accepted;
    return point && point.utcUs + (ticks - point.ticks) * this.#slope;
  }

  /** RTP time was numbered anew: what was `ticks` is `ticks + byTicks` from now on. */
  renumber(byTicks: number): void {
    this.#accepted &&= { ...this.#accepted, ticks: this.#accepted.ticks + byTicks };
    this.#candidate &&= { ...this.#candidate, ticks: this.#candidate.ticks + byTicks };
  }

  #agrees(a: Point, b: Point): boolean {
    if (b.ticks <= a.ticks) return false;
    return Math.abs(b.utcUs - a.utcUs - (b.ticks - a.ticks) * this.#usPerTick) <= AGREEMENT_US;
  }

  #agreesWithMemory({ utcUs, arrivalUs }: Point): boolean {
    const last = this.#memory.last;
    return last !== undefined && Math.abs(utcUs - last.utcUs - (arrivalUs - last.monotonicUs)) <= AGREEMENT_US;
  }

  #accept(before: Point | undefined, point: Point): void {
    if (before !== undefined) this.#measureRate(before, point);
    this.#accepted = point;
    this.#candidate = undefined;
    this.#memory.last = { utcUs: point.utcUs, monotonicUs: point.arrivalUs };
  }

  #measureRate(from: Point, to: Point): void {
    const elapsedUs = to.utcUs - from.utcUs;
    const rate = elapsedUs / ((to.ticks - from.ticks) * this.#usPerTick);
    if (elapsedUs < MIN_RATE_US || Math.abs(rate - 1) > MAX_RATE_ERROR) return;
    this.#slope = this.#usPerTick * rate;
    this.#memory.rate = rate;
  }
}

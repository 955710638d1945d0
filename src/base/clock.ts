// The two clocks of a gateway: a monotonic one that stamps everything, and UTC, computed from it when somebody asks.

/** How far a UTC time can be trusted, worst first. The place in the list is the byte that stands for it on disk. */
export const TIME_QUALITIES = ["none", "est", "hint", "rtc", "ntp", "ptp"] as const;

export type TimeQuality = (typeof TIME_QUALITIES)[number];

/** Whether a time can be trusted as far as `least`. */
export function isAtLeast(quality: TimeQuality, least: TimeQuality): boolean {
  return TIME_QUALITIES.indexOf(quality) >= TIME_QUALITIES.indexOf(least);
}

/** A UTC instant with what is known about it. `utcUs` counts microseconds since 1970; `errorMs` bounds its error where known. */
export interface UtcTime {
  readonly utcUs: number;
  readonly quality: TimeQuality;
  readonly errorMs: number | undefined;
}

export interface Clock {
  /** CLOCK_MONOTONIC in whole microseconds: the same for all processes of one boot. Safe as a number for 285 years. */
  nowUs(): number;
  /** UTC of a monotonic stamp of this boot, by what is known now. */
  utcOf(monotonicUs: number): UtcTime;
}

/** An instant of the monotonic clock of some boot: what is stored with footage. */
export interface Stamp {
  /** Counts the boots of this device, from 1. */
  readonly bootCounter: number;
  readonly monoUs: number;
}

/** A stretch of the monotonic clock of one boot, both ends included. `toMonoUs` is Infinity where the boot still runs. */
export interface StampRange {
  readonly bootCounter: number;
  readonly fromMonoUs: number;
  readonly toMonoUs: number;
}

/** A clock that remembers the boots before this one: UTC of their stamps, and which stamps a UTC time can mean. */
export interface BootClock extends Clock {
  readonly bootCounter: number;
  /** The kernel's name for this boot, a UUID in its text form. */
  readonly bootId: string;
  /** Grows whenever the UTC of some stamp changed by more than a millisecond. What was computed under another version has to be computed again. */
  readonly version: number;
  utcOfStamp(stamp: Stamp): UtcTime;
  /** The counter of a boot by the kernel's name for it; undefined: nothing is known of such a boot. */
  bootOf(bootId: string): number | undefined;
  /** Every stamp with this UTC time, by boot, then by stamp. None where the clock jumped over it, several where it was set back. */
  monoOf(utcUs: number): Stamp[];
  /** The stamps whose UTC times lie in an interval, both ends included; by boot, then by stamp. */
  rangesOf(fromUtcUs: number, toUtcUs: number): StampRange[];
  /** Says that there is footage up to this stamp: a boot that knows no time of its own is placed after the footage of the one before. */
  noteFootage(stamp: Stamp): void;
}

/** Both count CLOCK_MONOTONIC, from different beginnings; this one allocates nothing, and packets are stamped with it. */
const PERFORMANCE_ORIGIN_US = originUs();

/** The first call of either takes a millisecond, and the process may be interrupted between two: of some tries the quickest is the truest. */
function originUs(): number {
  let origin = 0;
  let leastNs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 16; tries++) {
    const before = process.hrtime.bigint();
    const nowMs = performance.now();
    const tookNs = Number(process.hrtime.bigint() - before);
    if (tookNs >= leastNs) continue;
    leastNs = tookNs;
    origin = (Number(before) + tookNs / 2) / 1000 - nowMs * 1000;
  }
  return origin;
}

/** CLOCK_MONOTONIC in whole microseconds. */
export function monotonicUs(): number {
  return Math.floor(PERFORMANCE_ORIGIN_US + performance.now() * 1000);
}

/** How far the wall clock, which tells milliseconds, may be from what is reckoned before it is believed to have been set. */
const SET_US = 2000;

/** UTC as the offset of the wall clock to the monotonic clock at the time of the question: right as long as nobody steps the wall clock. */
export class SystemClock implements Clock {
  /** Held, so that two answers differ by what the stamps differ and not by a part of a millisecond. */
  #offsetUs = Math.round((performance.timeOrigin + performance.now()) * 1000) - monotonicUs();

  nowUs(): number {
    return monotonicUs();
  }

  utcOf(stampUs: number): UtcTime {
    const offsetUs = Date.now() * 1000 + 500 - monotonicUs();
    if (Math.abs(offsetUs - this.#offsetUs) > SET_US) this.#offsetUs = offsetUs;
    return { utcUs: stampUs + this.#offsetUs, quality: "est", errorMs: undefined };
  }
}

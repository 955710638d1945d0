// A clock anchor: one instant of which both the monotonic and the UTC time were known, and how well.
import type { TimeQuality } from "./clock.ts";

/** Bits of `ClockAnchor.flags`, as they stand on disk. */
export const ANCHOR_FLAGS = {
  /** The wall clock was set since the anchor before. */
  step: 1,
  /** Nobody vouches for the wall clock, but it went on undisturbed for ten minutes. */
  stable: 2,
  /** The synchronisation was lost: `quality` is that of the time it held, `errorUs` grows. */
  lost: 4,
  /** A process began. */
  start: 8,
  /** A process ended. */
  stop: 16,
} as const;

export interface ClockAnchor {
  /** Counts the boots of this device, from 1. */
  readonly bootCounter: number;
  /** The kernel's UUID of that boot, in its text form. */
  readonly bootId: string;
  /** CLOCK_MONOTONIC. */
  readonly monoUs: number;
  /** UTC at that instant, µs since 1970. */
  readonly utcUs: number;
  /** Bound of the error of `utcUs`, where known. */
  readonly errorUs: number | undefined;
  readonly quality: TimeQuality;
  /** Of ANCHOR_FLAGS. */
  readonly flags: number;
}

/** What an anchor can be built on, best last: nothing, an unproved wall clock, a proved one, a hint, the hardware clock, a synchronised clock. */
export const TRUST = { none: 0, est: 1, stable: 2, hint: 3, rtc: 4, synced: 5 } as const;

/** One of TRUST. */
export function trustOf({ quality, flags }: ClockAnchor): number {
  switch (quality) {
    case "none":
      return TRUST.none;
    case "est":
      return hasFlag(flags, ANCHOR_FLAGS.stable) ? TRUST.stable : TRUST.est;
    case "hint":
      return TRUST.hint;
    case "rtc":
      return TRUST.rtc;
    case "ntp":
    case "ptp":
      return TRUST.synced;
  }
}

export function hasFlag(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}

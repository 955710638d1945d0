// How the ring writes down why footage is missing and how far a time can be trusted: numbers that never change.
import { TIME_QUALITIES, type TimeQuality } from "#base/clock.ts";
import type { GapCause } from "../store.ts";

const CAUSES = ["source", "backpressure", "power", "disk", "off", "tracks"] as const satisfies readonly GapCause[];

/** 1 … 6, three bits; 0: nothing is missing. */
export function gapCode(cause: GapCause | undefined): number {
  return cause === undefined ? 0 : CAUSES.indexOf(cause) + 1;
}

/** A code that is not known (7) is a gap all the same. */
export function gapOfCode(code: number): GapCause | undefined {
  return (code & 7) === 0 ? undefined : (CAUSES[(code & 7) - 1] ?? "disk");
}

export function qualityCode(quality: TimeQuality): number {
  return TIME_QUALITIES.indexOf(quality);
}

export function qualityOfCode(code: number): TimeQuality {
  return TIME_QUALITIES[code] ?? "none";
}

// When a file was recorded: by its stamp, as far as its boot is known; else by its name.
import type { BootClock, Stamp, UtcTime } from "#base/clock.ts";
import type { DriftPoint } from "#containers/fmp4/stamp-box.ts";
import { partsOfSpan, type WantedStamps } from "../span-times.ts";
import { EARLIEST_UTC_US, type SegmentFacts, type SegmentFile, type SegmentStamp } from "./segment-file.ts";

/** A stretch of a file in which UTC runs on with the file's own time. Most files are one. */
export interface FilePart {
  /** Time of the file, µs. */
  readonly fromUs: number;
  readonly toUs: number;
  /** At `fromUs`. */
  readonly utc: UtcTime;
  /** The clock was set since the recording that the file belongs to began: its timeline is another one before this stamp. */
  readonly steadyFromUs: number | undefined;
}

/** Undefined: what is known of its time is its name. */
export function stampOf({ stamp }: SegmentFile, clock: BootClock): (SegmentStamp & Stamp) | undefined {
  if (stamp === undefined || stamp === "unknown") return undefined;
  const bootCounter = clock.bootOf(stamp.bootId);
  return bootCounter === undefined ? undefined : { ...stamp, bootCounter };
}

export function startOf(segment: SegmentFile, clock: BootClock): UtcTime {
  const stamp = stampOf(segment, clock);
  const { nameUtcUs } = segment;
  if (stamp === undefined) return { utcUs: nameUtcUs, quality: nameUtcUs < EARLIEST_UTC_US ? "none" : "est", errorMs: undefined };
  if (stamp.isCameraTime) return { ...clock.utcOfStamp(stamp), utcUs: nameUtcUs };
  const [{ driftUs }] = driftFromStart(stamp);
  return clock.utcOfStamp({ ...stamp, monoUs: stamp.monoUs + driftUs });
}

/** The first one is at the start. */
function driftFromStart({ drift }: SegmentStamp): readonly [DriftPoint, ...DriftPoint[]] {
  const [first, ...others] = drift;
  return first?.atMs === 0 ? [first, ...others] : [{ atMs: 0, driftUs: 0 }, ...drift];
}

/** In order, without a hole. `stamps`: everything (`wantedStamps` without bounds). */
export function partsOf(
  segment: SegmentFile,
  { durationUs, place }: SegmentFacts,
  clock: BootClock,
  stamps: WantedStamps,
): readonly FilePart[] {
  const stamp = stampOf(segment, clock);
  const whole = { fromUs: 0, toUs: durationUs, utc: startOf(segment, clock), steadyFromUs: undefined };
  if (stamp === undefined || stamp.isCameraTime) return [whole];
  const { bootCounter, monoUs } = stamp;
  const drift = driftFromStart(stamp);
  const beganUs = monoUs - (place?.startDtsUs ?? 0);
  const parts: FilePart[] = [];
  for (const [i, { atMs, driftUs }] of drift.entries()) {
    const fromUs = atMs * 1000;
    const toUs = Math.min(durationUs, (drift[i + 1]?.atMs ?? Number.POSITIVE_INFINITY) * 1000);
    const originUs = monoUs + driftUs;
    for (const part of partsOfSpan({ bootCounter, startUs: originUs + fromUs, endUs: originUs + toUs }, clock, stamps)) {
      const steadyFromUs = part.steadyFromUs > beganUs ? part.steadyFromUs : undefined;
      parts.push({ fromUs: part.startUs - originUs, toUs: part.endUs - originUs, utc: part.startUtc, steadyFromUs });
    }
  }
  return parts.length === 0 ? [whole] : parts;
}

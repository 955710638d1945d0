// Which files are one recording: MediaMTX's rule, by `mtxi`, or for files without the box by tracks and times.
import type { GapCause } from "../store.ts";
import type { SegmentFacts, SegmentFile } from "./segment-file.ts";
import type { FilePart } from "./segment-times.ts";

/** Without `mtxi`: files that begin within this of the end of the one before go on with it. */
const MAX_JOIN_US = 1_000_000;

/** Footage that ends and begins within this, by a clock that never jumps, is continuous. */
const MAX_STEP_US = 500_000;

/** A file whose head was read. */
export interface KnownSegment {
  readonly segment: SegmentFile;
  readonly facts: SegmentFacts;
}

/** A stretch of a file, and when it was recorded. */
export interface PlacedPart extends KnownSegment, FilePart {}

/** Parts that follow each other without a break. */
export interface JoinedSegments {
  readonly parts: readonly PlacedPart[];
  readonly startUtcUs: number;
  readonly endUtcUs: number;
  /** Why footage is missing before it; undefined for the first, and where the clock was set. */
  readonly gapBefore: GapCause | undefined;
}

/** In the order of time; the parts of a file one after the other. */
export function joinSegments(all: readonly PlacedPart[]): readonly JoinedSegments[] {
  const joined: JoinedSegments[] = [];
  let parts: PlacedPart[] = [];
  let previous: PlacedPart | undefined;
  for (const [i, one] of all.entries()) {
    parts.push(one);
    const next = all[i + 1];
    if (next !== undefined && goesOn(one, next)) continue;
    const first = parts[0]!;
    joined.push({
      parts,
      startUtcUs: first.utc.utcUs,
      endUtcUs: endOf(one),
      gapBefore: previous && causeBetween(previous, first),
    });
    parts = [];
    previous = one;
  }
  return joined;
}

export function endOf({ utc, fromUs, toUs }: PlacedPart): number {
  return utc.utcUs + toUs - fromUs;
}

/** The file has nothing behind it, but what is still being written. */
export function isLastOfFile({ toUs, facts }: PlacedPart): boolean {
  return toUs >= facts.durationUs;
}

/** Playback goes on from one into the other. */
function goesOn(before: PlacedPart, after: PlacedPart): boolean {
  if (before.segment === after.segment) return before.steadyFromUs === after.steadyFromUs; // else the clock was set
  const [one, other] = [before.facts.place, after.facts.place];
  if (one !== undefined && other !== undefined) return one.streamId === other.streamId && one.number + 1 === other.number;
  return one === other && before.facts.tracksKey === after.facts.tracksKey && isNear(before, after);
}

function isNear(before: PlacedPart, after: PlacedPart): boolean {
  return Math.abs(after.utc.utcUs - endOf(before)) <= MAX_JOIN_US;
}

/** Files do not tell why footage is missing before them; what this process saw, it knows. */
function causeBetween(before: PlacedPart, after: PlacedPart): GapCause | undefined {
  if (before.segment === after.segment) return undefined;
  if (after.segment.gapBefore !== undefined) return after.segment.gapBefore;
  if (before.segment.isTorn) return "power";
  const stepUs = stepBetween(before, after);
  if (stepUs !== undefined && Math.abs(stepUs) <= MAX_STEP_US)
    return before.facts.tracksCrc === after.facts.tracksCrc ? undefined : "tracks";
  return isNear(before, after) ? "tracks" : "off";
}

/** By the clock that never jumps; undefined: not both are known by it. */
function stepBetween(before: PlacedPart, after: PlacedPart): number | undefined {
  const [one, other] = [before.segment.stamp, after.segment.stamp];
  if (one === undefined || other === undefined || one === "unknown" || other === "unknown" || one.bootId !== other.bootId) return undefined;
  return other.monoUs - (one.monoUs + before.facts.durationUs + (one.drift.at(-1)?.driftUs ?? 0));
}

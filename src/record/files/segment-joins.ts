// Which files are one recording: MediaMTX's rule, by `mtxi`, or for files without the box by tracks and times.
import type { GapCause } from "../store.ts";
import type { SegmentFacts, SegmentFile } from "./segment-file.ts";

/** Without `mtxi`: files that begin within this of the end of the one before go on with it. */
const MAX_JOIN_US = 1_000_000;

/** A file whose head was read. */
export interface KnownSegment {
  readonly segment: SegmentFile;
  readonly facts: SegmentFacts;
}

/** Files that follow each other without a break. */
export interface JoinedSegments {
  readonly segments: readonly KnownSegment[];
  readonly startUtcUs: number;
  readonly endUtcUs: number;
  /** Why footage is missing before it; undefined for the first. */
  readonly gapBefore: GapCause | undefined;
}

/** In the order of their names. */
export function joinSegments(known: readonly KnownSegment[]): readonly JoinedSegments[] {
  const joined: JoinedSegments[] = [];
  let segments: KnownSegment[] = [];
  let previous: KnownSegment | undefined;
  for (const [i, one] of known.entries()) {
    segments.push(one);
    const next = known[i + 1];
    if (next !== undefined && goesOn(one, next)) continue;
    const first = segments[0]!;
    joined.push({
      segments,
      startUtcUs: first.segment.startUtcUs,
      endUtcUs: endOf(one),
      gapBefore: previous && causeBetween(previous, first),
    });
    segments = [];
    previous = one;
  }
  return joined;
}

export function endOf({ segment, facts }: KnownSegment): number {
  return segment.startUtcUs + facts.durationUs;
}

/** Playback goes on from one file into the other. */
function goesOn(before: KnownSegment, after: KnownSegment): boolean {
  const [one, other] = [before.facts.place, after.facts.place];
  if (one !== undefined && other !== undefined) return one.streamId === other.streamId && one.number + 1 === other.number;
  return one === other && before.facts.tracksKey === after.facts.tracksKey && isNear(before, after);
}

function isNear(before: KnownSegment, after: KnownSegment): boolean {
  return Math.abs(after.segment.startUtcUs - endOf(before)) <= MAX_JOIN_US;
}

/** Files do not tell why footage is missing before them; what this process saw, it knows. */
function causeBetween(before: KnownSegment, after: KnownSegment): GapCause {
  if (after.segment.gapBefore !== undefined) return after.segment.gapBefore;
  if (before.segment.isTorn) return "power";
  return isNear(before, after) ? "tracks" : "off";
}

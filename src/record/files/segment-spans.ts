// Spans of footage out of the files of a path, and the part of them that somebody asked for.
import type { BootClock } from "#base/clock.ts";
import type { Span, SpanQuery } from "../recording-index.ts";
import { type WantedStamps, wantedStamps } from "../span-times.ts";
import type { SegmentCatalog } from "./segment-catalog.ts";
import type { SegmentFile } from "./segment-file.ts";
import type { FootageGroup } from "./segment-footage.ts";
import { endOf, isLastOfFile, type JoinedSegments, joinSegments, type PlacedPart } from "./segment-joins.ts";
import { partsOf } from "./segment-times.ts";

/** Files whose heads are read at a time. */
const READ_AHEAD = 8;
/** Heads that were read may say that files lie elsewhere, and that others are wanted. */
const MAX_ROUNDS = 4;

/** Files that can hold footage of an interval and the one before them, joined where they belong together. What cannot be read is left out. */
export async function joinedBetween(
  catalog: SegmentCatalog,
  clock: BootClock,
  path: string,
  fromUtcUs: number,
  toUtcUs: number,
): Promise<readonly JoinedSegments[]> {
  const stamps = wantedStamps(clock, undefined, undefined);
  const placed = (): readonly Placed[] => catalog.of(path).flatMap((segment) => placedOf(segment, clock, stamps) ?? []);
  let wanted = wantedOf(placed(), fromUtcUs, toUtcUs);
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    for (let i = 0; i < wanted.length; i += READ_AHEAD) {
      await Promise.all(wanted.slice(i, i + READ_AHEAD).map(({ segment }) => catalog.factsOf(segment)));
    }
    wanted = wantedOf(placed(), fromUtcUs, toUtcUs);
    if (wanted.every(({ segment }) => segment.facts !== undefined || segment.isOpen)) break;
  }
  const steady = wanted.flatMap(({ parts }) => steadyOf(parts)).sort((one, other) => one[0].utc.utcUs - other[0].utc.utcUs);
  return joinSegments(steady.flat());
}

/** Parts of a file without a jump of UTC between them: the clock was set, and what follows lies elsewhere. */
function steadyOf(parts: readonly PlacedPart[]): [PlacedPart, ...PlacedPart[]][] {
  const steady: [PlacedPart, ...PlacedPart[]][] = [];
  for (const part of parts) {
    const last = steady.at(-1);
    if (last !== undefined && last[0].steadyFromUs === part.steadyFromUs) last.push(part);
    else steady.push([part]);
  }
  return steady;
}

/** A file with its parts, as far as they are known. */
interface Placed {
  readonly segment: SegmentFile;
  readonly parts: readonly PlacedPart[];
}

/** Undefined: there is nothing to play in it. */
function placedOf(segment: SegmentFile, clock: BootClock, stamps: WantedStamps): Placed | undefined {
  const { facts, format } = segment;
  if (format !== "fmp4" || facts === "unreadable") return undefined;
  if (facts === undefined) return { segment, parts: [] };
  return { segment, parts: partsOf(segment, facts, clock, stamps).map((part) => ({ segment, facts, ...part })) };
}

/** What lies in the interval, and the file before it. Of files that were not asked, what can lie in it by their order. */
function wantedOf(placed: readonly Placed[], fromUtcUs: number, toUtcUs: number): readonly Placed[] {
  const inside = placed.findLastIndex(({ segment }) => segment.startUtcUs <= fromUtcUs);
  return placed.filter(({ segment, parts }, i) => {
    if (i >= inside - 1 && segment.startUtcUs < toUtcUs) return true;
    return parts.some((part) => part.utc.utcUs < toUtcUs && endOf(part) > fromUtcUs);
  });
}

/** `isLocked`: somebody asked to keep the file. */
export function spansOf(
  path: string,
  joined: readonly JoinedSegments[],
  query: SpanQuery,
  isLocked: (segment: SegmentFile) => boolean,
): readonly Span[] {
  const { fromUtcUs = Number.NEGATIVE_INFINITY, toUtcUs = Number.POSITIVE_INFINITY, offset = 0, limit = Number.POSITIVE_INFINITY } = query;
  const spans: Span[] = [];
  for (const { parts, startUtcUs, endUtcUs, gapBefore } of joined) {
    const start = Math.max(startUtcUs, fromUtcUs);
    const end = Math.min(endUtcUs, toUtcUs);
    if (start >= end) continue;
    const first = parts.find((one) => endOf(one) > start) ?? parts[0]!;
    let sizeBytes = 0;
    for (const one of parts) sizeBytes += (one.segment.sizeBytes ?? 0) * shareOf(one, start, end);
    spans.push({
      path,
      startUtcUs: start,
      durationUs: end - start,
      timeQuality: first.utc.quality,
      timeErrorMs: first.utc.errorMs,
      gapBefore: start === startUtcUs ? gapBefore : undefined,
      sizeBytes: Math.round(sizeBytes),
      locked: parts.some(({ segment }) => isLocked(segment)),
      open: end === endUtcUs && isLastOfFile(parts.at(-1)!) && parts.at(-1)!.segment.isOpen,
    });
  }
  return spans.slice(offset, offset + limit);
}

/** What to read for an interval: only files that hold some of it. */
export function groupsOf(joined: readonly JoinedSegments[], fromUtcUs: number, toUtcUs: number): readonly FootageGroup[] {
  return joined.flatMap(({ parts, gapBefore }): FootageGroup[] => {
    const held = parts.filter((one) => endOf(one) > fromUtcUs && one.utc.utcUs < toUtcUs);
    if (held.length === 0) return [];
    return [{ parts: held, fromUtcUs, toUtcUs, gapBefore: held[0] === parts[0] ? gapBefore : undefined }];
  });
}

function shareOf(one: PlacedPart, startUtcUs: number, endUtcUs: number): number {
  const heldUs = Math.min(endOf(one), endUtcUs) - Math.max(one.utc.utcUs, startUtcUs);
  return heldUs <= 0 ? 0 : heldUs / one.facts.durationUs;
}

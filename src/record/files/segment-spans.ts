// Spans of footage out of the files of a path, and the part of them that somebody asked for.
import type { Span, SpanQuery } from "../recording-index.ts";
import type { SegmentCatalog } from "./segment-catalog.ts";
import type { SegmentFile } from "./segment-file.ts";
import type { FootageGroup } from "./segment-footage.ts";
import { endOf, type JoinedSegments, joinSegments, type KnownSegment } from "./segment-joins.ts";

/** Files whose heads are read at a time. */
const READ_AHEAD = 8;

/** Files that can hold footage of an interval and the one before them, joined where they belong together. What cannot be read is left out. */
export async function joinedBetween(
  catalog: SegmentCatalog,
  path: string,
  fromUtcUs: number,
  toUtcUs: number,
): Promise<readonly JoinedSegments[]> {
  const segments = catalog.of(path).filter(({ format }) => format === "fmp4");
  const inside = segments.findLastIndex(({ startUtcUs }) => startUtcUs <= fromUtcUs);
  const wanted = segments.slice(Math.max(0, inside - 1)).filter(({ startUtcUs }) => startUtcUs < toUtcUs);
  const known: KnownSegment[] = [];
  for (let i = 0; i < wanted.length; i += READ_AHEAD) {
    const some = wanted.slice(i, i + READ_AHEAD);
    for (const one of await Promise.all(some.map((segment) => knownOf(catalog, segment)))) if (one !== undefined) known.push(one);
  }
  return joinSegments(known);
}

async function knownOf(catalog: SegmentCatalog, segment: SegmentFile): Promise<KnownSegment | undefined> {
  const facts = await catalog.factsOf(segment);
  return facts && { segment, facts };
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
  for (const { segments, startUtcUs, endUtcUs, gapBefore } of joined) {
    const start = Math.max(startUtcUs, fromUtcUs);
    const end = Math.min(endUtcUs, toUtcUs);
    if (start >= end) continue;
    const first = segments.find((one) => endOf(one) > start) ?? segments[0]!;
    let sizeBytes = 0;
    for (const one of segments) sizeBytes += (one.segment.sizeBytes ?? 0) * shareOf(one, start, end);
    spans.push({
      path,
      startUtcUs: start,
      durationUs: end - start,
      timeQuality: first.segment.timeQuality,
      timeErrorMs: first.segment.timeErrorMs,
      gapBefore: start === startUtcUs ? gapBefore : undefined,
      sizeBytes: Math.round(sizeBytes),
      locked: segments.some(({ segment }) => isLocked(segment)),
      open: end === endUtcUs && segments.at(-1)!.segment.isOpen,
    });
  }
  return spans.slice(offset, offset + limit);
}

/** What to read for an interval: only files that hold some of it. */
export function groupsOf(joined: readonly JoinedSegments[], fromUtcUs: number, toUtcUs: number): readonly FootageGroup[] {
  return joined.flatMap(({ segments, gapBefore }): FootageGroup[] => {
    const held = segments.filter((one) => endOf(one) > fromUtcUs && one.segment.startUtcUs < toUtcUs);
    if (held.length === 0) return [];
    return [{ segments: held, fromUtcUs, toUtcUs, gapBefore: held[0] === segments[0] ? gapBefore : undefined }];
  });
}

function shareOf(one: KnownSegment, startUtcUs: number, endUtcUs: number): number {
  const heldUs = Math.min(endOf(one), endUtcUs) - Math.max(one.segment.startUtcUs, startUtcUs);
  return heldUs <= 0 ? 0 : heldUs / one.facts.durationUs;
}

// Which segment files go, by age, total size and free space. A decision only: nobody is asked the time, and nothing is deleted.

/** A segment file, as its name and the disk tell. */
export interface StoredSegment {
  readonly path: string;
  readonly startUtcMs: number;
  /** undefined where it is not known: its age then counts from the start. */
  readonly endUtcMs?: number | undefined;
  readonly sizeBytes: number;
  /** Being written. */
  readonly open: boolean;
  /** Somebody asked to keep it. */
  readonly locked?: boolean;
}

export interface RetentionRules {
  /** How long footage of a path is kept; 0: for ever. */
  deleteAfterMs(path: string): number;
  /** Of all segments together; 0: no limit. */
  readonly maxSizeBytes: number;
  /** To be left free on the medium; 0: no matter. */
  readonly minFreeBytes: number;
}

export interface RetentionState {
  readonly nowUtcMs: number;
  /** False: `nowUtcMs` may be anything, and nothing is deleted for its age. */
  readonly clockTrusted: boolean;
  /** undefined: the medium was not asked, and the rule for free space does nothing. */
  readonly freeBytes: number | undefined;
}

export type RetentionRule = "age" | "size" | "free-space";

export interface RetentionDecision<Segment> {
  /** In the order in which they should go: stopping anywhere does least harm. */
  readonly deletions: readonly { readonly segment: Segment; readonly rule: RetentionRule }[];
  /** What has still to go by size or free space when nothing more may: above 0, recording will meet its limit. */
  readonly shortfallBytes: number;
}

/** Names before 2020 were given by a clock that had not been set. */
const EARLIEST_UTC_MS = Date.UTC(2020, 0, 1);
/** A name may be this far ahead of the clock (zones, a camera's own clock) and count as recorded just now; beyond, a wrong clock gave it. */
const FUTURE_SLACK_MS = 86_400_000;

/**
 * Age first, then size and free space, oldest first. Never a file that is written or locked; by size and free space never the newest of a path
 * among those that age leaves.
 *
 * Segments whose names make no sense have no age. By size they go first where the clock is trusted, for nothing else would ever delete them; where
 * it is not, names of an unset clock go last: they may be minutes old. All segments lie on the medium whose free space is told.
 */
export function decideRetention<Segment extends StoredSegment>(
  segments: readonly Segment[],
  rules: RetentionRules,
  state: RetentionState,
): RetentionDecision<Segment> {
  const ordered = segments
    .map((segment) => ({ segment, rank: rankOf(segment, state) }))
    .sort((a, b) => a.rank - b.rank || inTime(a.segment, b.segment))
    .map(({ segment }) => segment);
  const aged = state.clockTrusted ? ordered.filter((segment) => isAged(segment, rules, state.nowUtcMs)) : [];
  const gone = new Set<Segment>(aged);
  const newest = newestOfPaths(ordered.filter((segment) => !gone.has(segment)));

  let excessBytes = 0;
  let missingBytes = 0;
  if (rules.maxSizeBytes > 0) excessBytes = sizeOf(segments) - sizeOf(aged) - rules.maxSizeBytes;
  if (rules.minFreeBytes > 0 && state.freeBytes !== undefined) missingBytes = rules.minFreeBytes - state.freeBytes - sizeOf(aged);

  const deletions: { segment: Segment; rule: RetentionRule }[] = aged.map((segment) => ({ segment, rule: "age" }));
  for (const segment of ordered) {
    if (excessBytes <= 0 && missingBytes <= 0) break;
    if (isKept(segment) || gone.has(segment) || newest.has(segment) || segment.sizeBytes <= 0) continue;
    deletions.push({ segment, rule: excessBytes > 0 ? "size" : "free-space" });
    excessBytes -= segment.sizeBytes;
    missingBytes -= segment.sizeBytes;
  }
  return { deletions, shortfallBytes: Math.max(0, excessBytes, missingBytes) };
}

/** Cameras that began at one time follow by name, so that equal lists give equal decisions. */
function inTime(a: StoredSegment, b: StoredSegment): number {
  return a.startUtcMs - b.startUtcMs || Number(a.path > b.path) - Number(a.path < b.path);
}

function isKept({ open, locked }: StoredSegment): boolean {
  return open || locked === true;
}

/** 0 goes first. */
function rankOf({ startUtcMs }: StoredSegment, { clockTrusted, nowUtcMs }: RetentionState): number {
  const isUnset = startUtcMs < EARLIEST_UTC_MS;
  if (!clockTrusted) return isUnset ? 2 : 1;
  return isUnset || startUtcMs > nowUtcMs + FUTURE_SLACK_MS ? 0 : 1;
}

/** MediaMTX goes by the start and so deletes up to a segment too early; the end is used where it is known. */
function isAged(segment: StoredSegment, rules: RetentionRules, nowUtcMs: number): boolean {
  const deleteAfterMs = rules.deleteAfterMs(segment.path);
  if (isKept(segment) || deleteAfterMs <= 0 || segment.startUtcMs < EARLIEST_UTC_MS) return false;
  return Math.max(segment.startUtcMs, segment.endUtcMs ?? 0) <= nowUtcMs - deleteAfterMs;
}

/** The last of each path in the order given; what is being written is newer than all. */
function newestOfPaths<Segment extends StoredSegment>(ordered: readonly Segment[]): ReadonlySet<Segment> {
  const newest = new Map<string, Segment>();
  for (const segment of ordered) if (segment.open || newest.get(segment.path)?.open !== true) newest.set(segment.path, segment);
  return new Set(newest.values());
}

function sizeOf(segments: readonly StoredSegment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

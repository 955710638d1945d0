// Which instants of a replay a Range header means, and how the answer says where it is (RFC 2326 §12.29).
import { parseRange, writeRange } from "./range-header.ts";
import { ReplayRefusal } from "./refusal.ts";

/** What the header's times count from. */
export interface ReplayTimes {
  /** UTC of normal play time 0. */
  readonly startUtcUs: number;
  readonly positionUtcUs: number;
}

export interface ReplaySpan {
  /** undefined: from where it is. */
  readonly fromUtcUs: number | undefined;
  /** undefined: to the end. */
  readonly untilUtcUs: number | undefined;
}

/** Throws a refusal for what is no range of recorded footage. */
export function parseReplayRange(header: string, { startUtcUs, positionUtcUs }: ReplayTimes): ReplaySpan {
  const range = parseRange(header);
  if (range === undefined) throw new ReplayRefusal(400, "the Range header cannot be read");
  if (range.kind === "smpte") throw new ReplayRefusal(501, "ranges in SMPTE time are not implemented");
  const utcOf = (seconds: number | undefined) => (seconds === undefined ? undefined : startUtcUs + Math.round(seconds * 1e6));
  let span: ReplaySpan;
  if (range.kind === "clock") {
    span = { fromUtcUs: range.startUtcMs * 1000, untilUtcUs: range.endUtcMs === undefined ? undefined : range.endUtcMs * 1000 };
  } else {
    if (range.start === "now") throw new ReplayRefusal(457, "a replay has no present");
    span = { fromUtcUs: utcOf(range.start), untilUtcUs: utcOf(range.end) };
  }
  if (span.untilUtcUs !== undefined && span.untilUtcUs <= (span.fromUtcUs ?? positionUtcUs))
    throw new ReplayRefusal(457, "the range ends before it begins");
  return span;
}

/**
 * Where the replay is, in the unit that the client used; absolute where it used none. The end is left open: GStreamer (1.22), told one, sets a timer for it in its
 * jitter buffer, and never ends when the BYE comes before the buffer is empty.
 */
export function writeReplayRange(header: string | undefined, { startUtcUs, positionUtcUs }: ReplayTimes): string {
  const asked = header === undefined ? undefined : parseRange(header);
  return asked?.kind === "npt" ? nptRange(startUtcUs, positionUtcUs, undefined) : clockRange(positionUtcUs, undefined);
}

/**
 * For `a=range`, the whole in both units. Normal play time stands first: ffmpeg reads no other, and GStreamer, which takes the first that it can read, asks for
 * seconds since 1900 where that is absolute.
 */
export function describeReplayRange(startUtcUs: number, endUtcUs: number | undefined): readonly string[] {
  return [nptRange(startUtcUs, startUtcUs, endUtcUs), clockRange(startUtcUs, endUtcUs)];
}

function nptRange(startUtcUs: number, fromUtcUs: number, endUtcUs: number | undefined): string {
  const secondsOf = (utcUs: number) => Math.max(0, msOf(utcUs - startUtcUs) / 1000);
  return writeRange({ kind: "npt", start: secondsOf(fromUtcUs), end: endUtcUs === undefined ? undefined : secondsOf(endUtcUs) });
}

function clockRange(fromUtcUs: number, endUtcUs: number | undefined): string {
  return writeRange({ kind: "clock", startUtcMs: msOf(fromUtcUs), endUtcMs: endUtcUs === undefined ? undefined : msOf(endUtcUs) });
}

/** Rounded up: who comes back with the time that it was told finds the same keyframe, and not the one before. */
function msOf(us: number): number {
  return Math.ceil(us / 1000);
}

// Footage out of files: fragments of consecutive files of one recording, read one by one as they are asked for.
import { isDeepStrictEqual } from "node:util";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { parseMoof } from "#containers/fmp4/parse-fragment.ts";
import type { ParsedInit } from "#containers/fmp4/parse-init.ts";
import type { TrackSamples } from "#containers/sample.ts";
import { type FootageFacts, type FootageRule, type FragmentOut, footageOf } from "../footage-out.ts";
import type { Footage } from "../recording-index.ts";
import type { GapCause } from "../store.ts";
import { FragmentReader } from "./fragment-reader.ts";
import { ticksAt } from "./segment-format.ts";
import { readSegmentInit } from "./segment-head.ts";
import { endOf, isLastOfFile, type PlacedPart } from "./segment-joins.ts";

/** A camera's clock drifts: when UTC of tick 0 moved this much, the next footage begins. */
const MAX_EPOCH_SHIFT_US = 1000;
/** Of files that only tell what time their writer believed it was: that is corrected again and again. */
const MAX_BELIEVED_SHIFT_US = 500_000;
/** A longer time without the leading track is a gap. */
const MAX_STILL_S = 1;

export interface FootageSource {
  readonly fs: FsPort;
  readonly log: Log;
}

/** Files of one recording, and which part of it is wanted. */
export interface FootageGroup {
  readonly parts: readonly PlacedPart[];
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
  readonly gapBefore: GapCause | undefined;
}

interface WalkedFragment extends Timeline, FragmentOut {
  readonly part: PlacedPart;
  readonly init: ParsedInit;
}

/** Of the recording that a file belongs to. */
interface Timeline {
  readonly runId: string;
  readonly epochUtcUs: number;
  /** Where the file begins on it. */
  readonly startDtsUs: number;
}

/** Footage of the groups, in their order. Ends when `signal` is aborted. */
export async function* readFootage(source: FootageSource, groups: readonly FootageGroup[], signal: AbortSignal): AsyncGenerator<Footage> {
  for (const group of groups) yield* footageOf(walkGroup(source, group, signal), new SegmentRule(), group.gapBefore);
}

class SegmentRule implements FootageRule<WalkedFragment> {
  /** The head that was found to say the same as that of the footage. */
  #init: ParsedInit | undefined;

  factsOf({ init, epochUtcUs, runId, part }: WalkedFragment): FootageFacts {
    this.#init = init;
    const { quality, errorMs } = part.utc;
    return { tracks: init.tracks, epochUtcUs, timeQuality: quality, timeErrorMs: errorMs, runId };
  }

  goesOn(_: WalkedFragment, { epochUtcUs, runId, part, init }: WalkedFragment, facts: FootageFacts): boolean {
    const maxShiftUs = part.segment.stamp === undefined ? MAX_BELIEVED_SHIFT_US : MAX_EPOCH_SHIFT_US;
    if (runId !== facts.runId || Math.abs(epochUtcUs - facts.epochUtcUs) > maxShiftUs) return false;
    if (init !== this.#init && !isDeepStrictEqual(init.tracks, facts.tracks)) return false;
    this.#init = init;
    return true;
  }
}

async function* walkGroup(source: FootageSource, group: FootageGroup, signal: AbortSignal): AsyncGenerator<WalkedFragment, undefined> {
  let isLost = false;
  let before: PlacedPart | undefined;
  for (const parts of byFile(group.parts)) {
    const [first] = parts as [PlacedPart];
    if (before !== undefined) isLost ||= first.utc.utcUs - endOf(before) > MAX_STILL_S * 1e6;
    try {
      for await (const fragment of walkFile(source.fs, parts, group, before === undefined)) {
        yield isLost ? { ...fragment, gap: "disk" } : fragment;
        isLost = false;
        if (signal.aborted) return;
      }
    } catch (error) {
      isLost = true;
      source.log.warn(`${first.segment.file} cannot be read to its end: ${errorText(error)}`);
    }
    if (signal.aborted) return;
    before = parts.at(-1);
  }
}

function byFile(parts: readonly PlacedPart[]): readonly (readonly PlacedPart[])[] {
  const files: PlacedPart[][] = [];
  for (const part of parts) {
    const file = files.at(-1);
    if (file?.[0]?.segment === part.segment) file.push(part);
    else files.push([part]);
  }
  return files;
}

/** Files without `mtxi` are put in their place by their names. */
function timelineOf({ segment, facts, utc, fromUs, steadyFromUs }: PlacedPart, group: FootageGroup): Timeline {
  const startUtcUs = utc.utcUs - fromUs;
  if (facts.place !== undefined) {
    const { streamId, startDtsUs } = facts.place;
    // Before and after the clock was set a recording has two timelines.
    const runId = steadyFromUs === undefined ? streamId : `${streamId}-${steadyFromUs}`;
    return { runId, epochUtcUs: startUtcUs - startDtsUs, startDtsUs };
  }
  const first = group.parts[0]!;
  const epochUtcUs = first.utc.utcUs - first.fromUs;
  return { runId: first.segment.file, epochUtcUs, startDtsUs: segment === first.segment ? 0 : startUtcUs - epochUtcUs };
}

/** `atKeyframe`: from the last keyframe at or before the instant wanted; else from the start. */
async function* walkFile(
  fs: FsPort,
  parts: readonly PlacedPart[],
  group: FootageGroup,
  atKeyframe: boolean,
): AsyncGenerator<WalkedFragment> {
  const [first, last] = [parts[0]!, parts.at(-1)!];
  const { segment } = first;
  const endUs = Math.min(isLastOfFile(last) ? Number.POSITIVE_INFINITY : last.toUs, last.fromUs + group.toUtcUs - last.utc.utcUs);
  const wantedUs = first.fromUs + Math.max(0, group.fromUtcUs - first.utc.utcUs);
  const timelines = parts.map((part) => timelineOf(part, group));
  const file = await fs.open(segment.file, "read");
  try {
    const init = await readSegmentInit(file);
    if (init === undefined) throw new Error("its head is gone");
    const reader = new FragmentReader(file, init, segment.seekPoints);
    const start = atKeyframe || first.fromUs > 0 ? await reader.lastKeyframe(wantedUs / 1e6) : undefined;
    let offset = start?.offset ?? init.endOffset;
    let fromS = start?.atS ?? Number.NEGATIVE_INFINITY;
    let endS: number | undefined;
    let isLost = false;
    for (;;) {
      const place = await reader.next(offset);
      if (place === undefined) return;
      offset = place.endOffset;
      const ranges = parseMoof(init, place.moof, place.moofOffset);
      const extent = ranges && reader.extentOf(ranges);
      if (extent !== undefined && extent.startS * 1e6 >= endUs) return;
      const samples = ranges && (await reader.samples(place, ranges, fromS));
      if (samples === undefined || samples.length === 0 || extent === undefined) {
        isLost = true;
        continue;
      }
      const gap = isLost || (endS !== undefined && extent.startS - endS > MAX_STILL_S);
      isLost = false;
      endS = extent.endS;
      fromS = Number.NEGATIVE_INFINITY;
      const at = Math.max(
        0,
        parts.findLastIndex(({ fromUs }) => fromUs <= extent.startS * 1e6),
      );
      const timeline = timelines[at]!;
      yield {
        ...timeline,
        part: parts[at]!,
        init,
        gap: gap ? "disk" : undefined,
        samples: samples.map((track) => onTimeline(track, init, timeline)),
      };
    }
  } finally {
    await file.close();
  }
}

/** Times of a file begin at 0; those of its recording go on. */
function onTimeline({ trackIndex, samples }: TrackSamples, init: ParsedInit, { startDtsUs }: Timeline): TrackSamples {
  const originTicks = ticksAt(startDtsUs, init.tracks[trackIndex]!.clockRateHz);
  return { trackIndex, samples: samples.map((sample) => ({ ...sample, dtsTicks: sample.dtsTicks + originTicks })) };
}

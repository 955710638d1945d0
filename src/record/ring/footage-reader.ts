// Footage out of the ring: fragments of consecutive chunks of a run, read one by one as they are asked for.
import type { BootClock, UtcTime } from "#base/clock.ts";
import { parseMoof } from "#containers/fmp4/parse-fragment.ts";
import type { ParsedInit } from "#containers/fmp4/parse-init.ts";
import { readSamples } from "#containers/fmp4/read-samples.ts";
import type { TrackSamples } from "#containers/sample.ts";
import { type FootageFacts, type FootageRule, type FragmentOut, footageOf } from "../footage-out.ts";
import type { Footage } from "../recording-index.ts";
import type { GapCause } from "../store.ts";
import { ChunkReader } from "./chunk-reader.ts";
import type { FragmentHeader } from "./fragment-header.ts";
import type { ReadGroup } from "./read-plan.ts";
import type { RingVolume } from "./volume.ts";

/** A camera's clock drifts: when UTC of tick 0 moved this much, the next footage begins. */
const MAX_EPOCH_SHIFT_US = 50_000;

interface WalkedFragment extends FragmentOut {
  readonly runId: number;
  readonly init: ParsedInit;
  readonly header: FragmentHeader;
}

/** Footage of the groups, in their order. Ends when `signal` is aborted. */
export async function* readFootage(volume: RingVolume, groups: readonly ReadGroup[], signal: AbortSignal): AsyncGenerator<Footage> {
  for (const group of groups) {
    const clock = new RunClock(volume.parts.clock, group);
    yield* footageOf(walkGroup(volume, group, signal), clock, group.gapBefore);
  }
}

/** UTC of tick 0 of a run, as the footage of a group has it. */
class RunClock implements FootageRule<WalkedFragment> {
  readonly #clock: BootClock;
  readonly #group: ReadGroup;

  constructor(clock: BootClock, group: ReadGroup) {
    this.#clock = clock;
    this.#group = group;
  }

  factsOf(first: WalkedFragment): FootageFacts {
    const { quality, errorMs } = this.#at(first.header.monoUs);
    const { tracks } = first.init;
    return { tracks, epochUtcUs: this.#epochUtcUs(first.header), timeQuality: quality, timeErrorMs: errorMs, runId: this.#runId(first) };
  }

  goesOn(_: WalkedFragment, next: WalkedFragment, { epochUtcUs }: FootageFacts): boolean {
    return Math.abs(this.#epochUtcUs(next.header) - epochUtcUs) <= MAX_EPOCH_SHIFT_US;
  }

  /** What it would have been by the clock as it was set since, where it was set while the run went on. */
  #epochUtcUs({ epochUs }: FragmentHeader): number {
    const knownUs = Math.max(epochUs, this.#group.steadyFromUs);
    return this.#at(knownUs).utcUs - (knownUs - epochUs);
  }

  #at(monoUs: number): UtcTime {
    return this.#clock.utcOfStamp({ bootCounter: this.#group.bootCounter, monoUs });
  }

  /** Two groups of one run have two timelines if the clock was set between them. */
  #runId({ runId, header }: WalkedFragment): string {
    const { bootCounter, steadyFromUs } = this.#group;
    return `${bootCounter}-${runId}${header.epochUs < steadyFromUs ? `-${steadyFromUs}` : ""}`;
  }
}

/** From the last keyframe at or before the group's start to the fragment that holds its end. After a fragment that is lost the next begins with a keyframe. */
async function* walkGroup(volume: RingVolume, group: ReadGroup, signal: AbortSignal): AsyncGenerator<WalkedFragment, undefined> {
  const start = await findStart(volume, group);
  const back = group.back.slice(0, start.chunksBack).reverse();
  const endUs = group.parts.at(-1)!.toUs;
  let at = start.entry;
  let wantsKeyframe = true;
  let lost: GapCause | undefined;
  for (const ref of [...back, ...group.parts]) {
    const reader = await ChunkReader.open(volume, ref);
    if (reader === undefined) {
      lost = "disk";
      wantsKeyframe = true;
      at = 0;
      continue;
    }
    try {
      // What was between a locked chunk and this one may have been written over.
      if (ref.gapBefore !== undefined && at === 0 && reader.entries[0]?.flags.gapBefore === undefined) {
        lost ??= ref.gapBefore;
        wantsKeyframe = true;
      }
      for (; at < reader.entries.length; at++) {
        const entry = reader.entries[at]!;
        if (signal.aborted || reader.startUsOf(entry) >= endUs) return;
        const fragment = wantsKeyframe && !entry.flags.keyframe ? undefined : await reader.fragment(entry);
        const samples = fragment && samplesOf(reader.init, fragment.bytes);
        if (fragment === undefined || samples === undefined) {
          if (!wantsKeyframe || entry.flags.keyframe) lost = "disk";
          wantsKeyframe = true;
          continue;
        }
        const gap = fragment.header.flags.gapBefore ?? lost;
        lost = undefined;
        wantsKeyframe = false;
        yield { runId: reader.header.runId, init: reader.init, header: fragment.header, gap, samples };
      }
    } finally {
      await reader.close();
    }
    at = 0;
  }
}

/** Where to begin: how many chunks before the first part, and which fragment there. */
async function findStart(volume: RingVolume, { parts, back }: ReadGroup): Promise<{ readonly chunksBack: number; readonly entry: number }> {
  const { fromUs } = parts[0]!;
  for (const [chunksBack, ref] of [parts[0]!, ...back].entries()) {
    const reader = await ChunkReader.open(volume, ref);
    if (reader === undefined) break;
    try {
      const entry = reader.entries.findLastIndex((one) => one.flags.keyframe && reader.startUsOf(one) <= fromUs);
      if (entry >= 0) return { chunksBack, entry };
    } finally {
      await reader.close();
    }
  }
  return { chunksBack: 0, entry: 0 };
}

function samplesOf(init: ParsedInit, bytes: Buffer): readonly TrackSamples[] | undefined {
  const moofBytes = bytes.length < 8 ? 0 : bytes.readUInt32BE(0);
  if (moofBytes > bytes.length) return undefined;
  const ranges = parseMoof(init, bytes.subarray(0, moofBytes), 0);
  return ranges && readSamples(init, ranges, bytes, 0);
}

// Footage out of the ring: fragments of consecutive chunks of a run, read one by one as they are asked for.
import type { BootClock, UtcTime } from "#base/clock.ts";
import { parseMoof } from "#containers/fmp4/parse-fragment.ts";
import type { ParsedInit } from "#containers/fmp4/parse-init.ts";
import { readSamples } from "#containers/fmp4/read-samples.ts";
import type { TrackSamples } from "#containers/sample.ts";
import type { Footage, FootageFragment } from "../recording-index.ts";
import type { GapCause } from "../store.ts";
import { ChunkReader } from "./chunk-reader.ts";
import type { FragmentHeader } from "./fragment-header.ts";
import type { ReadGroup } from "./read-plan.ts";
import type { RingVolume } from "./volume.ts";

/** A camera's clock drifts: when UTC of tick 0 moved this much, the next footage begins. */
const MAX_EPOCH_SHIFT_US = 50_000;

interface WalkedFragment {
  readonly runId: number;
  readonly init: ParsedInit;
  readonly header: FragmentHeader;
  readonly gap: GapCause | undefined;
  readonly samples: readonly TrackSamples[];
}

/** Footage of the groups, in their order. Ends when `signal` is aborted. */
export async function* readFootage(volume: RingVolume, groups: readonly ReadGroup[], signal: AbortSignal): AsyncGenerator<Footage> {
  for (const group of groups) {
    const walk = walkGroup(volume, group, signal);
    try {
      let head = await walk.next();
      let gapBefore = group.gapBefore;
      while (head.done !== true) {
        const footage = new RingFootage(new RunClock(volume.parts.clock, group), walk, head.value, gapBefore);
        yield footage;
        head = await footage.end();
        gapBefore = head.done === true ? undefined : head.value.gap;
      }
    } finally {
      await walk.return(undefined);
    }
  }
}

/** UTC of tick 0 of a run, as the footage of a group has it. */
class RunClock {
  readonly #clock: BootClock;
  readonly #group: ReadGroup;

  constructor(clock: BootClock, group: ReadGroup) {
    this.#clock = clock;
    this.#group = group;
  }

  /** What it would have been by the clock as it was set since, where it was set while the run went on. */
  epochUtcUs({ epochUs }: FragmentHeader): number {
    const knownUs = Math.max(epochUs, this.#group.steadyFromUs);
    return this.at(knownUs).utcUs - (knownUs - epochUs);
  }

  at(monoUs: number): UtcTime {
    return this.#clock.utcOfStamp({ bootCounter: this.#group.bootCounter, monoUs });
  }

  /** Two groups of one run have two timelines if the clock was set between them. */
  runId({ runId, header }: WalkedFragment): string {
    const { bootCounter, steadyFromUs } = this.#group;
    return `${bootCounter}-${runId}${header.epochUs < steadyFromUs ? `-${steadyFromUs}` : ""}`;
  }
}

class RingFootage implements Footage {
  readonly tracks: Footage["tracks"];
  readonly epochUtcUs: number;
  readonly timeQuality: Footage["timeQuality"];
  readonly timeErrorMs: number | undefined;
  readonly gapBefore: GapCause | undefined;
  readonly runId: string;
  readonly #clock: RunClock;
  readonly #walk: AsyncGenerator<WalkedFragment, undefined>;
  readonly #first: WalkedFragment;
  #next: IteratorResult<WalkedFragment, undefined> | undefined;

  constructor(clock: RunClock, walk: AsyncGenerator<WalkedFragment, undefined>, first: WalkedFragment, gapBefore: GapCause | undefined) {
    const start = clock.at(first.header.monoUs);
    this.#clock = clock;
    this.#walk = walk;
    this.#first = first;
    this.tracks = first.init.tracks;
    this.epochUtcUs = clock.epochUtcUs(first.header);
    this.timeQuality = start.quality;
    this.timeErrorMs = start.errorMs;
    this.gapBefore = gapBefore;
    this.runId = clock.runId(first);
  }

  async *fragments(signal: AbortSignal): AsyncGenerator<FootageFragment> {
    if (this.#next !== undefined) return;
    this.#next = { done: false, value: this.#first };
    for (let isFirst = true; this.#isOurs(this.#next) && !signal.aborted; isFirst = false) {
      const { gap, samples } = this.#next.value;
      yield { gap: !isFirst && gap !== undefined, samples };
      this.#next = await this.#walk.next();
    }
  }

  /** Passes over what was not read; the first fragment of the next footage, or the end. */
  async end(): Promise<IteratorResult<WalkedFragment, undefined>> {
    this.#next ??= { done: false, value: this.#first };
    while (this.#isOurs(this.#next)) this.#next = await this.#walk.next();
    return this.#next;
  }

  #isOurs(next: IteratorResult<WalkedFragment, undefined>): next is IteratorYieldResult<WalkedFragment> {
    if (next.done === true) return false;
    return Math.abs(this.#clock.epochUtcUs(next.value.header) - this.epochUtcUs) <= MAX_EPOCH_SHIFT_US;
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

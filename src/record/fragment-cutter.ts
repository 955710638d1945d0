// Cuts the frames of one run into fragments. The leading track says where; the others are put between as they come.
import type { Track } from "#relay/track.ts";
import type { FrameKeeper } from "./frame-memory.ts";
import type { TimedFrame } from "./frame-timeline.ts";
import { type KeptSample, SampleQueue } from "./sample-queue.ts";
import type { Fragment, FragmentLimits, GapCause } from "./store.ts";

/** Behind the newest frame of the leading track by more, a frame is left out: its fragment was cut without it. */
const MAX_LATE_S = 2;
/** Ahead of it by more, a frame is left out: frames wait for their fragment. */
const MAX_AHEAD_S = 10;
/** Frames that are further apart, and by more than twice the time between the two before, are frames with a hole between them. */
const MAX_STEP_S = 0.5;
/** A track whose stream time is off by more is placed by capture. */
const MAX_SKEW_S = 1;

/** First video track, else the first; `undefined` without tracks. */
export function leadingTrack(tracks: readonly Track[]): Track | undefined {
  return tracks.find((track) => track.kind === "video") ?? tracks[0];
}

export class FragmentCutter {
  readonly tracks: readonly Track[];
  readonly leading: Track;
  /** Monotonic clock at tick 0 of every track: the first frame of the leading track. */
  readonly captureUs: number;
  /** Frames that found no fragment. */
  dropped = 0;
  readonly #limits: FragmentLimits;
  readonly #keeper: FrameKeeper;
  readonly #leadingQueue: SampleQueue;
  readonly #others = new Map<number, { readonly queue: SampleQueue; isStarted: boolean }>();
  readonly #epochS: number;
  /** Nothing before it is wanted, seconds since the run began. */
  #startS = 0;
  #newestS = 0;
  /** Between the two newest frames of the leading track. */
  #stepS = 0;
  #waitsForKeyframe = false;

  /** `first`: the keyframe of the leading track that the run begins with; it is to be pushed like every other. */
  constructor(tracks: readonly Track[], first: TimedFrame, limits: FragmentLimits, keeper: FrameKeeper) {
    this.tracks = tracks;
    this.leading = leadingTrack(tracks)!;
    this.captureUs = first.captureUs;
    this.#limits = limits;
    this.#keeper = keeper;
    this.#leadingQueue = new SampleQueue(this.leading.clockRateHz, first.dtsTicks, keeper);
    this.#epochS = first.dtsTicks / this.leading.clockRateHz;
  }

  /** Waits for a keyframe after `drop`. */
  get waitsForKeyframe(): boolean {
    return this.#waitsForKeyframe;
  }

  /** A frame of the leading track comes: nothing did for so long before it that footage is missing. The camera may be a slow one. */
  isHoleBefore(frame: TimedFrame): boolean {
    const stepS = this.#leadingQueue.secondsOf(frame) - this.#newestS;
    return stepS > MAX_STEP_S && this.#stepS > 0 && stepS > 2 * this.#stepS;
  }

  /** A frame of the leading track comes: the fragment that ends before it, if one does. `push` follows. */
  cutBefore(frame: TimedFrame): Fragment | undefined {
    return this.#cutsBefore(frame) ? this.#cut(frame.dtsTicks) : undefined;
  }

  /** A frame of one of the tracks, in decode order. */
  push(trackIndex: number, frame: TimedFrame): void {
    if (trackIndex !== this.leading.index) this.#pushOther(trackIndex, frame);
    else if (this.#waitsForKeyframe && !frame.keyframe) this.dropped++;
    else {
      const atS = this.#leadingQueue.secondsOf(frame);
      this.#stepS = atS - this.#newestS;
      this.#newestS = atS;
      if (this.#waitsForKeyframe) this.#startS = this.#newestS;
      this.#waitsForKeyframe = false;
      this.#leadingQueue.push(frame);
    }
  }

  /** What came so far, whatever is still to come. */
  flush(): Fragment | undefined {
    return this.#cut(undefined);
  }

  /** The last fragment of the run. `nextDtsTicks`: when the leading track goes on in another run. */
  end(nextDtsTicks?: number): Fragment | undefined {
    return this.#cut(nextDtsTicks, true);
  }

  /** Forgets what came so far, and all up to the next keyframe. */
  drop(): void {
    this.dropped += this.#leadingQueue.frames.length;
    this.#leadingQueue.clear();
    for (const { queue } of this.#others.values()) {
      this.dropped += queue.frames.length;
      queue.clear();
    }
    this.#waitsForKeyframe = true;
  }

  /** What was not cut goes. */
  close(): void {
    this.#leadingQueue.clear();
    for (const { queue } of this.#others.values()) queue.clear();
    this.#keeper.close();
  }

  #pushOther(trackIndex: number, frame: TimedFrame): void {
    const track = this.tracks.find(({ index }) => index === trackIndex);
    if (track === undefined) return;
    let other = this.#others.get(trackIndex);
    if (other === undefined) {
      const queue = new SampleQueue(track.clockRateHz, this.#originOf(track, frame), this.#keeper);
      other = { queue, isStarted: track.kind !== "video" };
      this.#others.set(trackIndex, other);
    }
    const atS = other.queue.secondsOf(frame);
    if (atS < this.#startS) return;
    const isOff = this.#newestS - atS > MAX_LATE_S || atS - this.#newestS > MAX_AHEAD_S;
    if (isOff || this.#waitsForKeyframe) {
      this.dropped++;
      return;
    }
    if (track.kind === "video") other.isStarted ||= frame.keyframe;
    if (other.isStarted) other.queue.push(frame);
  }

  #originOf({ clockRateHz }: Track, frame: TimedFrame): number {
    const originTicks = Math.round(this.#epochS * clockRateHz);
    const byCaptureS = (frame.captureUs - this.captureUs) / 1e6;
    const skewS = (frame.dtsTicks - originTicks) / clockRateHz - byCaptureS;
    return Math.abs(skewS) <= MAX_SKEW_S ? originTicks : frame.dtsTicks - Math.round(byCaptureS * clockRateHz);
  }

  #cutsBefore(next: TimedFrame): boolean {
    const { frames, bytes, clockRateHz } = this.#leadingQueue;
    const first = frames[0];
    if (first === undefined) return false;
    const { cutAtKeyframe, maxMs, maxBytes } = this.#limits;
    // where every frame is a keyframe (audio, JPEG) they are gathered until another limit
    if (cutAtKeyframe && next.keyframe && frames.some(({ keyframe }) => !keyframe)) return true;
    if ((next.dtsTicks - first.dtsTicks) * 1000 >= maxMs * clockRateHz) return true;
    let sizeBytes = bytes + next.sizeBytes;
    for (const { queue } of this.#others.values()) sizeBytes += queue.bytes;
    return sizeBytes > maxBytes;
  }

  #cut(nextDtsTicks: number | undefined, isLast = false): Fragment | undefined {
    const queue = this.#leadingQueue;
    const [first] = queue.frames;
    if (first === undefined) return undefined;
    const damagedFrames = queue.frames.filter(({ damaged }) => damaged).length;
    const leading = queue.takeAll(nextDtsTicks);
    const last = leading[leading.length - 1]!;
    const startTicks = first.dtsTicks - queue.originTicks;
    const endTicks = last.dtsTicks + last.durationTicks;
    let sizeBytes = bytesOf(leading);
    const samples: KeptTrackSamples[] = [];
    for (const [trackIndex, { index }] of this.tracks.entries()) {
      const other = this.#others.get(index)?.queue;
      const taken =
        index === this.leading.index ? leading : other?.takeBefore(isLast ? Number.POSITIVE_INFINITY : endTicks / queue.clockRateHz);
      if (taken === undefined || taken.length === 0) continue;
      if (taken !== leading) sizeBytes += bytesOf(taken);
      samples.push({ trackIndex, samples: taken });
    }
    return new CutFragment(samples, {
      captureUs: first.captureUs,
      durationUs: Math.round(((endTicks - startTicks) / queue.clockRateHz) * 1e6),
      keyframe: first.keyframe,
      senderUtcUs: first.senderUtcUs,
      sizeBytes,
      damagedFrames,
    });
  }
}

interface KeptTrackSamples {
  readonly trackIndex: number;
  readonly samples: readonly KeptSample[];
}

type FragmentFacts = Pick<Fragment, "captureUs" | "durationUs" | "keyframe" | "senderUtcUs" | "sizeBytes"> & {
  readonly damagedFrames: number;
};

class CutFragment implements Fragment {
  samples: readonly KeptTrackSamples[];
  readonly captureUs: number;
  readonly durationUs: number;
  readonly keyframe: boolean;
  gapBefore: GapCause | undefined;
  readonly senderUtcUs: number | undefined;
  readonly sizeBytes: number;
  readonly damagedFrames: number;

  constructor(samples: readonly KeptTrackSamples[], facts: FragmentFacts) {
    this.samples = samples;
    this.captureUs = facts.captureUs;
    this.durationUs = facts.durationUs;
    this.keyframe = facts.keyframe;
    this.senderUtcUs = facts.senderUtcUs;
    this.sizeBytes = facts.sizeBytes;
    this.damagedFrames = facts.damagedFrames;
  }

  release(): void {
    for (const { samples } of this.samples) for (const { kept } of samples) kept.letGo();
    this.samples = [];
  }
}

function bytesOf(samples: readonly KeptSample[]): number {
  let sizeBytes = 0;
  for (const { frame } of samples) for (const part of frame) sizeBytes += part.length;
  return sizeBytes;
}

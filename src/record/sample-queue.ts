// The frames of one track that wait for their fragment: their times since the run began, and their durations.
import type { Sample } from "#containers/sample.ts";
import type { FrameKeeper, KeptBytes } from "./frame-memory.ts";
import type { TimedFrame } from "./frame-timeline.ts";

/** A frame that nothing follows within this time does not last until the next one, which is not of the same fragment. */
const MAX_LAST_SAMPLE_S = 1;
/** Of a frame that nothing is known of. */
const USUAL_FPS = 25;

/** A frame that waits, with what it consists of in memory of the recorder's. */
type WaitingFrame = Omit<TimedFrame, "frame"> & { readonly kept: KeptBytes };

/** Good until `kept` is let go. */
export interface KeptSample extends Sample {
  readonly kept: KeptBytes;
}

export class SampleQueue {
  readonly clockRateHz: number;
  /** Stream time of the run's beginning, in ticks of the track. */
  readonly originTicks: number;
  readonly #keeper: FrameKeeper;
  #frames: WaitingFrame[] = [];
  #bytes = 0;
  #lastTicks = 0;

  constructor(clockRateHz: number, originTicks: number, keeper: FrameKeeper) {
    this.#keeper = keeper;
    this.clockRateHz = clockRateHz;
    this.originTicks = originTicks;
  }

  get frames(): readonly WaitingFrame[] {
    return this.#frames;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Seconds since the run began. */
  secondsOf({ dtsTicks }: Pick<TimedFrame, "dtsTicks">): number {
    return (dtsTicks - this.originTicks) / this.clockRateHz;
  }

  push(timed: TimedFrame): void {
    const { dtsTicks, ptsOffsetTicks, captureUs, senderUtcUs, keyframe, damaged, sizeBytes, nominalTicks } = timed;
    const kept = this.#keeper.keep(timed.frame, sizeBytes);
    this.#frames.push({ dtsTicks, ptsOffsetTicks, captureUs, senderUtcUs, keyframe, damaged, sizeBytes, nominalTicks, kept });
    this.#bytes += sizeBytes;
  }

  clear(): void {
    for (const { kept } of this.#frames) kept.letGo();
    this.#frames = [];
    this.#bytes = 0;
  }

  /** All of them; the last one lasts until `nextDtsTicks`, or as long as it should. */
  takeAll(nextDtsTicks?: number): KeptSample[] {
    return this.#take(this.#frames.length, nextDtsTicks);
  }

  /**
   * Those before an instant, seconds since the run began. The newest waits for the next one to tell how long it lasts, unless it waits for too long.
   * Those behind a hole are left for later: there is none in a fragment.
   */
  takeBefore(endS: number): KeptSample[] {
    const frames = this.#frames;
    const newest = frames[frames.length - 1];
    const most = newest !== undefined && endS - this.secondsOf(newest) > MAX_LAST_SAMPLE_S ? frames.length : frames.length - 1;
    let count = 0;
    while (count < most && this.secondsOf(frames[count]!) < endS && (count === 0 || this.#isNear(count))) count++;
    if (count <= 0) return [];
    return this.#take(count, count < frames.length && this.#isNear(count) ? frames[count]!.dtsTicks : undefined);
  }

  /** A frame follows the one before it without a hole. */
  #isNear(index: number): boolean {
    return this.#frames[index]!.dtsTicks - this.#frames[index - 1]!.dtsTicks <= MAX_LAST_SAMPLE_S * this.clockRateHz;
  }

  #take(count: number, nextDtsTicks: number | undefined): KeptSample[] {
    const taken = this.#frames.splice(0, count);
    return taken.map((frame, i) => {
      const endTicks = taken[i + 1]?.dtsTicks ?? nextDtsTicks;
      const { dtsTicks, ptsOffsetTicks, keyframe, kept } = frame;
      const durationTicks = endTicks === undefined ? this.#usualTicks(frame) : endTicks - dtsTicks;
      this.#lastTicks = durationTicks;
      this.#bytes -= frame.sizeBytes;
      const { parts } = kept;
      return { dtsTicks: dtsTicks - this.originTicks, ptsOffsetTicks, durationTicks, keyframe, frame: parts, prefixed: true, kept };
    });
  }

  #usualTicks({ nominalTicks }: WaitingFrame): number {
    if (nominalTicks > 0) return nominalTicks;
    return this.#lastTicks > 0 ? this.#lastTicks : Math.round(this.clockRateHz / USUAL_FPS);
  }
}

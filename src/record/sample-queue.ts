// The frames of one track that wait for their fragment: their times since the run began, and their durations.
import type { Sample } from "#containers/sample.ts";
import type { TimedFrame } from "./frame-timeline.ts";

/** A frame that nothing follows within this time does not last until the next one, which is not of the same fragment. */
const MAX_LAST_SAMPLE_S = 1;
/** Of a frame that nothing is known of. */
const USUAL_FPS = 25;

export class SampleQueue {
  readonly clockRateHz: number;
  /** Stream time of the run's beginning, in ticks of the track. */
  readonly originTicks: number;
  #frames: TimedFrame[] = [];
  #bytes = 0;
  #lastTicks = 0;

  constructor(clockRateHz: number, originTicks: number) {
    this.clockRateHz = clockRateHz;
    this.originTicks = originTicks;
  }

  get frames(): readonly TimedFrame[] {
    return this.#frames;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Seconds since the run began. */
  secondsOf(frame: TimedFrame): number {
    return (frame.dtsTicks - this.originTicks) / this.clockRateHz;
  }

  push(frame: TimedFrame): void {
    this.#frames.push(frame);
    this.#bytes += frame.sizeBytes;
  }

  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
  }

  /** All of them; the last one lasts until `nextDtsTicks`, or as long as it should. */
  takeAll(nextDtsTicks?: number): Sample[] {
    return this.#take(this.#frames.length, nextDtsTicks);
  }

  /**
   * Those before an instant, seconds since the run began. The newest waits for the next one to tell how long it lasts, unless it waits for too long.
   * Those behind a hole are left for later: there is none in a fragment.
   */
  takeBefore(endS: number): Sample[] {
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

  #take(count: number, nextDtsTicks: number | undefined): Sample[] {
    const taken = this.#frames.splice(0, count);
    return taken.map((frame, i) => {
      const endTicks = taken[i + 1]?.dtsTicks ?? nextDtsTicks;
      const { dtsTicks, ptsOffsetTicks, keyframe } = frame;
      const durationTicks = endTicks === undefined ? this.#usualTicks(frame) : endTicks - dtsTicks;
      this.#lastTicks = durationTicks;
      this.#bytes -= frame.sizeBytes;
      return { dtsTicks: dtsTicks - this.originTicks, ptsOffsetTicks, durationTicks, keyframe, frame: frame.frame };
    });
  }

  #usualTicks({ nominalTicks }: TimedFrame): number {
    if (nominalTicks > 0) return nominalTicks;
    return this.#lastTicks > 0 ? this.#lastTicks : Math.round(this.clockRateHz / USUAL_FPS);
  }
}

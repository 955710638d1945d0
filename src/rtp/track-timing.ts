// The times of one received track: its frames' place on a steady timeline, when they were captured, and what the sender's own clock said.
import { CaptureEnvelope } from "./capture-envelope.ts";
import { FrameClock } from "./frame-clock.ts";
import { SenderClock, type SenderClockMemory } from "./sender-clock.ts";

export interface FrameTime {
  readonly ptsTicks: number;
  /** Monotonic. */
  readonly captureUs: number;
  /** µs since 1970; undefined without an accepted sender clock, and for a frame whose timestamp was not believed. */
  readonly senderUtcUs: number | undefined;
}

export interface TrackTimingOptions {
  readonly clockRateHz: number;
  /** A camera's clock is checked and mended; what a publisher sends is taken as it is. */
  readonly repair: boolean;
  readonly memory: SenderClockMemory;
}

export class TrackTiming {
  readonly sender: SenderClock;
  /** undefined where timestamps are taken as they are. */
  readonly frames: FrameClock | undefined;
  readonly #usPerTick: number;
  readonly #envelope = new CaptureEnvelope();

  constructor({ clockRateHz, repair, memory }: TrackTimingOptions) {
    this.#usPerTick = 1e6 / clockRateHz;
    this.sender = new SenderClock(clockRateHz, memory);
    this.frames = repair ? new FrameClock(clockRateHz) : undefined;
  }

  /** Of a frame at `ticks` of unwrapped RTP time whose last packet came at `arrivalUs`. `reorders`: the stream has B-frames. */
  next(ticks: number, arrivalUs: number, reorders: boolean): FrameTime {
    const restamped = this.frames?.restamped;
    const ptsTicks = this.frames?.next(ticks, arrivalUs, reorders) ?? ticks;
    const believed = this.frames?.restamped === restamped;
    return {
      ptsTicks,
      captureUs: this.#envelope.capture(ptsTicks * this.#usPerTick, arrivalUs),
      senderUtcUs: believed ? this.sender.utcUsAt(ticks) : undefined,
    };
  }
}

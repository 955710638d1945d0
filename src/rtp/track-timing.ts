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
  #envelope = new CaptureEnvelope();

  constructor({ clockRateHz, repair, memory }: TrackTimingOptions) {
    this.#usPerTick = 1e6 / clockRateHz;
    this.sender = new SenderClock(clockRateHz, memory);
    this.frames = repair ? new FrameClock(clockRateHz) : undefined;
  }

  /** Of a frame at `ticks` of unwrapped RTP time whose last packet came at `arrivalUs`. `reorders`: the stream has B-frames. */
  next(ticks: number, arrivalUs: number, reorders: boolean): FrameTime {
    const { ptsTicks, believed } =
      this.frames === undefined ? { ptsTicks: ticks, believed: true } : this.#repaired(this.frames, ticks, arrivalUs, reorders);
    return {
      ptsTicks,
      captureUs: this.#envelope.capture((ptsTicks + (this.frames?.lagTicks ?? 0)) * this.#usPerTick, arrivalUs),
      senderUtcUs: believed ? this.sender.utcUsAt(ticks) : undefined,
    };
  }

  #repaired(
    frames: FrameClock,
    ticks: number,
    arrivalUs: number,
    reorders: boolean,
  ): { readonly ptsTicks: number; readonly believed: boolean } {
    const { restamped, jumps, offsetTicks, usesArrival } = frames;
    const ptsTicks = frames.next(ticks, arrivalUs, reorders);
    if (frames.usesArrival !== usesArrival) this.#envelope = new CaptureEnvelope(); // what was seen before was counted by a wrong clock
    // The sender's wall clock did not jump with its RTP clock.
    if (frames.jumps !== jumps) this.sender.renumber(offsetTicks - frames.offsetTicks);
    return { ptsTicks, believed: frames.restamped === restamped };
  }
}

// The time of a camera's frames, repaired: a frame with an absurd timestamp is re-stamped, a clock that jumped goes on where it was, and a clock
// that stands still or does not run at its rate is replaced by the frames' arrival.
import { ArrivalClock } from "./arrival-clock.ts";
import { RateWatch } from "./rate-watch.ts";

/** What RTP time and arrival may disagree by, from one frame to the next, before a timestamp is not believed. */
const MAX_DISAGREEMENT_US = 5_000_000;
/** Odd frames that agree with each other: from then on they are the clock. */
const CONFIRMING_FRAMES = 3;
/** Frames of one timestamp after which the clock counts as stopped. */
const STOPPED_FRAMES = 10;
/** A step back by more than this is no reordering of B-frames. */
const MAX_REORDER_US = 2_000_000;

interface Stamp {
  readonly raw: number;
  readonly arrivalUs: number;
}

export class FrameClock {
  /** Frames whose own timestamp was not used. */
  restamped = 0;
  /** Times a new numbering was accepted. */
  jumps = 0;
  readonly #clockRateHz: number;
  readonly #ticksPerUs: number;
  readonly #rate = new RateWatch();
  #arrival: ArrivalClock | undefined;
  /** The newest frame whose timestamp was believed. */
  #last: Stamp | undefined;
  #ticks = 0;
  #newest = 0;
  #offset = 0;
  #stepTicks = 0;
  #odd: (Stamp & { readonly count: number }) | undefined;
  #still = 0;
  /** Where arrival counts from: the first frame, or the one a jump was accepted at. */
  #origin: { readonly ticks: number; readonly arrivalUs: number } | undefined;

  constructor(clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
    this.#ticksPerUs = clockRateHz / 1e6;
  }

  /** What is added to a raw timestamp that is believed; another after each jump. */
  get offsetTicks(): number {
    return this.#offset;
  }

  /** The track's own timestamps are of no use: frames are timed by arrival. */
  get usesArrival(): boolean {
    return this.#arrival !== undefined;
  }

  /** How far the newest frame's time is behind where arrival puts it, while that is made good. */
  get lagTicks(): number {
    return this.#arrival?.lagTicks ?? 0;
  }

  /**
   * Ticks since the first frame; frames come in decode order. `raw`: the unwrapped RTP timestamp. `reorders`: the stream has B-frames, so
   * steps back are no fault.
   */
  next(raw: number, arrivalUs: number, reorders: boolean): number {
    const last = this.#last;
    if (last === undefined) {
      this.#offset = -raw;
      this.#origin = { ticks: 0, arrivalUs };
      return this.#believe({ raw, arrivalUs });
    }
    this.#still = raw === last.raw ? this.#still + 1 : 0;
    if (this.#arrival === undefined && (this.#still >= STOPPED_FRAMES || this.#rate.wrong)) {
      this.#arrival = this.#openArrivalClock(last);
    }
    if (this.#arrival !== undefined) {
      this.restamped++;
      this.#newest = this.#arrival.next(arrivalUs);
      return this.#newest;
    }
    if (!this.#follows(last, raw, arrivalUs, reorders)) return this.#restamp(last, raw, arrivalUs, reorders);
    this.#odd = undefined;
    const step = raw - last.raw;
    if (step > 0) this.#stepTicks = this.#stepTicks === 0 ? step : this.#stepTicks + (step - this.#stepTicks) / 8;
    return this.#believe({ raw, arrivalUs });
  }

  #openArrivalClock({ arrivalUs }: Stamp): ArrivalClock {
    const origin = this.#origin!;
    const lagTicks = origin.ticks + (arrivalUs - origin.arrivalUs) * this.#ticksPerUs - this.#newest;
    return new ArrivalClock(this.#clockRateHz, this.#newest, arrivalUs, this.#still > 0 ? 0 : this.#stepTicks, lagTicks);
  }

  #follows(before: Stamp, raw: number, arrivalUs: number, reorders: boolean): boolean {
    const stepUs = (raw - before.raw) / this.#ticksPerUs;
    return stepUs >= (reorders ? -MAX_REORDER_US : 0) && Math.abs(stepUs - (arrivalUs - before.arrivalUs)) <= MAX_DISAGREEMENT_US;
  }

  #believe(stamp: Stamp): number {
    this.#last = stamp;
    this.#ticks = stamp.raw + this.#offset;
    this.#newest = Math.max(this.#newest, this.#ticks);
    this.#rate.add(stamp.raw / this.#ticksPerUs, stamp.arrivalUs);
    return this.#ticks;
  }

  #restamp(last: Stamp, raw: number, arrivalUs: number, reorders: boolean): number {
    const before = this.#odd;
    const agrees = before !== undefined && this.#follows(before, raw, arrivalUs, reorders);
    const count = agrees ? before.count + 1 : 1;
    this.restamped++;
    const elapsedTicks = Math.round((arrivalUs - last.arrivalUs) * this.#ticksPerUs);
    const ticks = Math.max(this.#newest + 1, this.#ticks + elapsedTicks);
    if (count < CONFIRMING_FRAMES) {
      this.#odd = { raw, arrivalUs, count };
      this.#newest = ticks;
      return ticks;
    }
    this.jumps++;
    this.#odd = undefined;
    this.#rate.restart();
    this.#offset = ticks - raw;
    this.#origin = { ticks, arrivalUs };
    return this.#believe({ raw, arrivalUs });
  }
}

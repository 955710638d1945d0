// When the frames of one track are decoded, shown and captured: what the recorder needs beside the frames themselves.
import { DtsClock } from "#codecs/dts-clock.ts";
import { frameTicks } from "#codecs/frame-ticks.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";

/** What stream time and capture may disagree by, from one unit to the next, before the stream's time is not believed. */
const MAX_DISAGREEMENT_US = 5_000_000;
/** Storage wants the time of every frame within bounds: a track that is off by more, for longer, begins a new timeline. */
const MAX_DRIFT_US = 1_000_000;
const MAX_DRIFT_LASTS_US = 3_000_000;

/** One coded frame with its times; how long it lasts shows with the next one. */
export interface TimedFrame {
  /** In ticks of its track since the stream's epoch; grows with every frame. */
  readonly dtsTicks: number;
  /** Not negative. */
  readonly ptsOffsetTicks: number;
  /** Monotonic clock at `dtsTicks`. */
  readonly captureUs: number;
  /** The camera's own clock at `dtsTicks`, where it has an accepted one. */
  readonly senderUtcUs: number | undefined;
  /** Whole, and can be decoded without an earlier one. */
  readonly keyframe: boolean;
  readonly damaged: boolean;
  readonly frame: readonly Buffer[];
  readonly sizeBytes: number;
  /** How long it lasts if nothing follows; 0 where the codec does not say. */
  readonly nominalTicks: number;
}

export class FrameTimeline {
  /** Units whose own time was not used, and frames whose decode time had to be put after it. */
  #faults = 0;
  #track: Track;
  #clock: DtsClock;
  readonly #usPerTick: number;
  #last: { readonly ptsTicks: number; readonly captureUs: number } | undefined;
  /** Capture less stream time when the timeline began, µs. */
  #offsetUs: number | undefined;
  #driftSinceUs: number | undefined;
  #drifted = false;

  constructor(track: Track) {
    this.#track = track;
    this.#clock = new DtsClock(track.parameters, track.clockRateHz);
    this.#usPerTick = 1e6 / track.clockRateHz;
  }

  get faults(): number {
    return this.#faults + this.#clock.faults;
  }

  /** The stream's time has left the capture clock for good: `restart` at the next keyframe. */
  get drifted(): boolean {
    return this.#drifted;
  }

  /** Nothing is expected of what comes next. */
  restart(): void {
    this.#faults = this.faults;
    this.#clock = new DtsClock(this.#track.parameters, this.#track.clockRateHz);
    this.#last = undefined;
    this.#offsetUs = undefined;
    this.#driftSinceUs = undefined;
    this.#drifted = false;
  }

  /** How far a unit lies behind the one before, µs; 0 for the first. */
  stepUs(unit: Unit): number {
    return this.#last === undefined ? 0 : (this.#believed(unit) - this.#last.ptsTicks) * this.#usPerTick;
  }

  /** The frames of the next unit in decode order: one, or for audio one for each coded frame. `shiftUs` is added to when they were captured. */
  next(unit: Unit, shiftUs = 0): readonly TimedFrame[] {
    if (unit.track !== this.#track) {
      this.#track = unit.track;
      this.#clock.setParameters(unit.track.parameters);
    }
    const ptsTicks = this.#believed(unit);
    if (ptsTicks !== unit.ptsTicks) this.#faults++;
    this.#last = { ptsTicks, captureUs: unit.captureUs };
    this.#watchDrift(unit);
    const frames = unit.frame ?? [];
    if (frames.length === 0) return [];
    return unit.track.kind === "audio" ? this.#audio(unit, frames, ptsTicks, shiftUs) : [this.#whole(unit, frames, ptsTicks, 0, shiftUs)];
  }

  #audio(unit: Unit, frames: readonly Buffer[], ptsTicks: number, shiftUs: number): readonly TimedFrame[] {
    const ticks = frames.map((frame) => frameTicks(unit.track.parameters, frame));
    if (ticks.includes(0)) return [this.#whole(unit, frames, ptsTicks, 0, shiftUs)];
    let sinceTicks = 0;
    return frames.map((frame, i) => {
      const timed = this.#whole(unit, [frame], ptsTicks + sinceTicks, ticks[i]!, shiftUs, sinceTicks * this.#usPerTick);
      sinceTicks += ticks[i]!;
      return timed;
    });
  }

  #whole(unit: Unit, frame: readonly Buffer[], ptsTicks: number, nominalTicks: number, shiftUs: number, sinceUs = 0): TimedFrame {
    const dtsTicks = this.#clock.next(frame, ptsTicks);
    const ptsOffsetTicks = Math.max(0, ptsTicks - dtsTicks);
    const toDtsUs = sinceUs - ptsOffsetTicks * this.#usPerTick;
    return {
      dtsTicks,
      ptsOffsetTicks,
      captureUs: Math.round(unit.captureUs + shiftUs + toDtsUs),
      senderUtcUs: unit.senderUtcUs === undefined ? undefined : Math.round(unit.senderUtcUs + toDtsUs),
      keyframe: unit.track.kind !== "video" || (unit.keyframe && !unit.damaged),
      damaged: unit.damaged,
      frame,
      sizeBytes: frame.reduce((sum, part) => sum + part.length, 0),
      nominalTicks,
    };
  }

  /** The unit's own time, or where the one before and the time that passed put it. */
  #believed(unit: Unit): number {
    const last = this.#last;
    if (last === undefined) return unit.ptsTicks;
    const elapsedUs = unit.captureUs - last.captureUs;
    const stepUs = (unit.ptsTicks - last.ptsTicks) * this.#usPerTick;
    const isNear = Math.abs(stepUs - elapsedUs) <= MAX_DISAGREEMENT_US;
    if (isNear && stepUs <= 0 && unit.track.reorderFrames === 0) return last.ptsTicks + 1; // it is shown after the one before
    if (isNear) return unit.ptsTicks;
    return last.ptsTicks + Math.max(1, Math.round(elapsedUs / this.#usPerTick));
  }

  #watchDrift(unit: Unit): void {
    const offsetUs = unit.captureUs - unit.ptsTicks * this.#usPerTick;
    this.#offsetUs ??= offsetUs;
    if (Math.abs(offsetUs - this.#offsetUs) <= MAX_DRIFT_US) this.#driftSinceUs = undefined;
    else {
      this.#driftSinceUs ??= unit.captureUs;
      if (unit.captureUs - this.#driftSinceUs > MAX_DRIFT_LASTS_US) this.#drifted = true;
    }
  }
}

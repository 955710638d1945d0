// One timeline over several recordings of a run: a camera that reconnects with the same parameters goes on in its chunk.
import type { TrackSamples } from "#containers/sample.ts";
import type { Fragment } from "../store.ts";
import type { RunFormat } from "./run-format.ts";

export interface FragmentTimes {
  /** What is taken off each track's decode times. */
  readonly originTicks: readonly number[];
  /** First decode time of the leading track in the run, ticks. */
  readonly ticks: number;
  /** Monotonic clock at tick 0 of the run as this fragment shows it. */
  readonly epochUs: number;
}

export class RunTimeline {
  readonly #format: RunFormat;
  readonly #epochUs: number;
  /** Where footage ends by now, in ticks of the run. */
  readonly #endTicks: number[];
  #originTicks: number[];
  #biasUs: number | undefined;

  /** `captureUs`: monotonic clock at tick 0 of the run's first recording. */
  constructor(format: RunFormat, captureUs: number) {
    this.#format = format;
    this.#epochUs = captureUs;
    this.#originTicks = format.tracks.map(() => 0);
    this.#endTicks = format.tracks.map(() => 0);
  }

  /** The next recording begins; tick 0 of its tracks was at `captureUs`. */
  restart(captureUs: number, first: Fragment): void {
    const passedUs = captureUs - this.#epochUs;
    const origin = this.#format.tracks.map(({ clockRateHz }) => -Math.round((passedUs * clockRateHz) / 1e6));
    let overlapUs = 0;
    for (const { trackIndex, samples } of first.samples) {
      const start = samples[0];
      if (start === undefined) continue;
      const overlapTicks = this.#endTicks[trackIndex]! - (start.dtsTicks - origin[trackIndex]!);
      overlapUs = Math.max(overlapUs, (overlapTicks * 1e6) / this.#format.tracks[trackIndex]!.clockRateHz);
    }
    this.#originTicks = origin.map((ticks, index) => ticks - Math.ceil((overlapUs * this.#format.tracks[index]!.clockRateHz) / 1e6));
    this.#biasUs = undefined;
  }

  /** Where a fragment stands. Fragments come in order. */
  place(fragment: Fragment): FragmentTimes {
    const lead = leadOf(fragment.samples, this.#format.leadIndex);
    const leadIndex = lead?.trackIndex ?? this.#format.leadIndex;
    const ticks = (lead?.samples[0]?.dtsTicks ?? 0) - this.#originTicks[leadIndex]!;
    const elapsedUs = (ticks * 1e6) / this.#format.tracks[leadIndex]!.clockRateHz;
    this.#biasUs ??= this.#epochUs - (fragment.captureUs - elapsedUs);
    for (const { trackIndex, samples } of fragment.samples) {
      const last = samples.at(-1);
      if (last !== undefined) this.#endTicks[trackIndex] = last.dtsTicks + last.durationTicks - this.#originTicks[trackIndex]!;
    }
    return {
      originTicks: this.#originTicks,
      ticks: Math.max(0, ticks),
      epochUs: Math.max(0, Math.round(fragment.captureUs - elapsedUs + this.#biasUs)),
    };
  }
}

function leadOf(samples: readonly TrackSamples[], leadIndex: number): TrackSamples | undefined {
  const filled = samples.filter((track) => track.samples.length > 0);
  return filled.find(({ trackIndex }) => trackIndex === leadIndex) ?? filled[0];
}

// One timeline for footage of several runs: where in a clip each of their frames stands.
import type { Sample, TrackSamples } from "#containers/sample.ts";
import type { Footage } from "../recording-index.ts";
import type { ClipTracks } from "./clip-tracks.ts";
import { cutSound } from "./pcm-cut.ts";

/** Footage whose times are moved by the same distance. */
export interface Placement {
  readonly runId: string;
  readonly epochUtcUs: number;
  readonly tracks: ClipTracks;
  /** By trackIndex: the run's time at the start of the clip. A clip's time is the run's less this. */
  readonly originTicks: readonly number[];
  /** The run's time from which on it holds, s. */
  readonly fromSeconds: number;
}

export interface Joint {
  readonly footage: Footage;
  readonly tracks: ClipTracks;
  /** What comes next of it. */
  readonly samples: readonly TrackSamples[];
  /** Footage is missing before it, and the clip does not show for how long. */
  readonly closesGap: boolean;
}

export class ClipTimeline {
  readonly #fromUtcUs: number;
  #last: Placement | undefined;
  /** By trackIndex, on the clip's timeline. */
  #lastTicks: number[] = [];
  #endSeconds = 0;

  constructor(fromUtcUs: number) {
    this.#fromUtcUs = fromUtcUs;
  }

  /** Nothing was shown yet: what comes next is placed by its own time. */
  restart(): void {
    this.#last = undefined;
    this.#lastTicks = [];
    this.#endSeconds = 0;
  }

  /** Where what comes next stands. Undefined: there is nothing in it. */
  place(joint: Joint): Placement | undefined {
    const { footage, tracks, closesGap } = joint;
    const fromSeconds = startOf(joint);
    if (fromSeconds === undefined) return undefined;
    const last = this.#last;
    let originSeconds = (this.#fromUtcUs - footage.epochUtcUs) / 1e6;
    let originTicks: readonly number[] | undefined;
    if (last === undefined) {
      if (closesGap) originSeconds = Math.max(originSeconds, fromSeconds); // it may begin later than the clip was to
    } else if (last.runId === footage.runId && !closesGap && this.#goesOn(joint, last.originTicks)) originTicks = last.originTicks;
    else originSeconds = fromSeconds - this.#endSeconds;
    originTicks ??= tracks.map((track) => Math.round(originSeconds * (track?.track.clockRateHz ?? 0)));
    this.#last = { runId: footage.runId, epochUtcUs: footage.epochUtcUs, tracks, originTicks, fromSeconds };
    return this.#last;
  }

  /** Samples that were placed, with times of the clip. */
  note({ trackIndex, samples }: TrackSamples): void {
    const last = samples.at(-1);
    const clockRateHz = this.#last?.tracks[trackIndex]?.track.clockRateHz;
    if (last === undefined || clockRateHz === undefined) return;
    this.#lastTicks[trackIndex] = last.dtsTicks;
    this.#endSeconds = Math.max(this.#endSeconds, (last.dtsTicks + last.durationTicks) / clockRateHz);
  }

  /** Times of a run that fall are those of another, whatever its name. */
  #goesOn({ samples }: Joint, originTicks: readonly number[]): boolean {
    return samples.every((track) => {
      const first = track.samples[0];
      const before = this.#lastTicks[track.trackIndex];
      return first === undefined || before === undefined || first.dtsTicks - originTicks[track.trackIndex]! >= before;
    });
  }
}

/** A sample of the run with times of the clip, which ends at `toUtcUs`. Undefined: it is behind the end. */
export function placeSample(sample: Sample, trackIndex: number, placement: Placement, toUtcUs: number): Sample | undefined {
  const { tracks, originTicks, epochUtcUs } = placement;
  const { parameters, clockRateHz } = tracks[trackIndex]!.track;
  const leftTicks = Math.round(((toUtcUs - epochUtcUs) * clockRateHz) / 1e6) - sample.dtsTicks;
  if (leftTicks <= 0) return undefined;
  const dtsTicks = sample.dtsTicks - originTicks[trackIndex]!;
  const placed = { ...sample, dtsTicks, durationTicks: Math.min(sample.durationTicks, leftTicks) };
  return cutSound(placed, parameters, clockRateHz, dtsTicks + leftTicks);
}

/** The run's time of the first stored sample, s. */
export function startOf({ tracks, samples }: Pick<Joint, "tracks" | "samples">): number | undefined {
  let start: number | undefined;
  for (const track of samples) {
    const first = track.samples[0];
    const clockRateHz = tracks[track.trackIndex]?.track.clockRateHz;
    if (first === undefined || clockRateHz === undefined) continue;
    const seconds = first.dtsTicks / clockRateHz;
    if (start === undefined || seconds < start) start = seconds;
  }
  return start;
}

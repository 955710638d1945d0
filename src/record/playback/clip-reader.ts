// Footage between two instants as one clip: tracks, times from its start, nothing that is not wanted.
import { oneFrameEach } from "#containers/fmp4/stored-sample.ts";
import type { ContainerTrack, TrackSamples } from "#containers/sample.ts";
import type { Footage, RecordingIndex } from "../recording-index.ts";
import { ClipStart } from "./clip-start.ts";
import { ClipTimeline, type Placement, placeSample } from "./clip-timeline.ts";
import { type ClipTracks, clipTracksOf, followingTracks, type TrackChoice } from "./clip-tracks.ts";
import { type FootageWish, walkFootage } from "./footage-walk.ts";

export interface ClipWish extends FootageWish {
  /** Goes on across gaps and leaves them out of the clip's time; else the first one ends the clip. */
  readonly skipGaps: boolean;
  readonly choice: TrackChoice;
  /** Footage of them is passed over. */
  readonly withoutRuns?: ReadonlySet<string>;
}

/** What another clip has to be asked for that goes on where one ends. */
export type ClipEnd = Pick<ClipWish, "fromUtcUs" | "withoutRuns">;

/** A keyframe that is decoded before an instant may be shown behind it, and pictures of an earlier group in between. */
const MAX_REORDER_US = 1_000_000;

/** Samples of stored tracks that go into the clip; times count from its start, ticks. Before it is what a decoder needs to show the first picture. */
export interface ClipPart {
  readonly placement: Placement;
  readonly samples: readonly TrackSamples[];
}

/** The first video track, else the first. */
export function leadOf({ placement, samples }: ClipPart): TrackSamples | undefined {
  return samples.find(({ trackIndex }) => placement.tracks[trackIndex]?.track.kind === "video") ?? samples[0];
}

/** Reads a clip once. */
export class ClipReader {
  /** There is footage that no clip can hold. */
  unplayable = false;
  /** There is footage that cannot be in the same clip. */
  next: ClipEnd | undefined;
  readonly #index: RecordingIndex;
  readonly #wish: ClipWish;
  readonly #timeline: ClipTimeline;
  readonly #starts = new Map<number, ClipStart>();
  #first: ClipTracks | undefined;
  #tracks: ClipTracks | undefined;
  #hasBegun = false;

  constructor(index: RecordingIndex, wish: ClipWish) {
    this.#index = index;
    this.#wish = wish;
    this.#timeline = new ClipTimeline(wish.fromUtcUs);
  }

  /** In order. Ends when `signal` is aborted. */
  async *parts(signal: AbortSignal): AsyncGenerator<ClipPart, undefined> {
    const { skipGaps } = this.#wish;
    let before: Footage | undefined;
    let placement: Placement | undefined;
    const runs = new Set<string>(this.#wish.withoutRuns);
    const wish = { ...this.#wish, fromUtcUs: this.#wish.fromUtcUs - MAX_REORDER_US };
    for await (const { footage, fragment, gap } of walkFootage(this.#index, wish, signal)) {
      if (this.#wish.withoutRuns?.has(footage.runId)) continue;
      const isOther = before !== undefined && before.runId !== footage.runId;
      const mustEnd = this.#hasBegun && gap && !skipGaps;
      if (mustEnd || (before !== footage && !this.#takes(footage))) {
        if (this.#first === undefined) {
          this.unplayable = true;
          continue;
        }
        this.next = { fromUtcUs: startUtcUs(footage, fragment.samples), ...(!mustEnd && { withoutRuns: runs }) };
        return;
      }
      if (gap || isOther) this.#breakOff();
      if (before !== footage || gap || placement === undefined) {
        const joint = { footage, tracks: this.#tracks!, samples: fragment.samples };
        placement = this.#timeline.place({ ...joint, closesGap: skipGaps && (gap || isOther || before === undefined) });
      }
      before = footage;
      runs.add(footage.runId);
      if (placement === undefined) continue;
      const samples = this.#cut(fragment.samples, placement);
      if (samples.length > 0) yield { placement, samples };
    }
  }

  /** Tracks of footage that goes into the clip; false: they do not fit. */
  #takes({ tracks }: Footage): boolean {
    const { choice } = this.#wish;
    if (this.#first === undefined || !this.#hasBegun) {
      this.#first = clipTracksOf(tracks, choice);
      this.#tracks = this.#first;
    } else this.#tracks = followingTracks(this.#first, this.#tracks!, tracks, choice);
    return this.#tracks !== undefined;
  }

  /** Decoders begin anew; what was before the start does not count any more. */
  #breakOff(): void {
    for (const start of this.#starts.values()) start.reset();
    if (!this.#hasBegun) this.#timeline.restart();
  }

  #cut(given: readonly TrackSamples[], placement: Placement): TrackSamples[] {
    const wanted: TrackSamples[] = [];
    for (const { trackIndex, samples } of given) {
      const stored = placement.tracks[trackIndex];
      if (stored === undefined) continue;
      const placed = oneFrameEach(stored, samples)
        .map((sample) => placeSample(sample, trackIndex, placement, this.#wish.toUtcUs))
        .filter((sample) => sample !== undefined);
      this.#timeline.note({ trackIndex, samples: placed });
      const cut = this.#startOf(trackIndex, stored.track).push(placed);
      if (cut.length > 0) wanted.push({ trackIndex, samples: cut });
      this.#hasBegun ||= cut.at(-1) !== undefined && cut.at(-1)!.dtsTicks >= 0;
    }
    return wanted;
  }

  #startOf(trackIndex: number, track: ContainerTrack): ClipStart {
    const start = this.#starts.get(trackIndex) ?? new ClipStart(track);
    this.#starts.set(trackIndex, start);
    return start;
  }
}

/** UTC of the first sample. */
function startUtcUs(footage: Footage, samples: readonly TrackSamples[]): number {
  let startUs = Number.POSITIVE_INFINITY;
  for (const { trackIndex, samples: own } of samples) {
    const clockRateHz = footage.tracks[trackIndex]?.clockRateHz;
    if (own[0] !== undefined && clockRateHz !== undefined) startUs = Math.min(startUs, (own[0].dtsTicks * 1e6) / clockRateHz);
  }
  return Math.ceil(footage.epochUtcUs + startUs);
}

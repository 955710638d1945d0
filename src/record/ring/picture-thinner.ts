// Footage with fewer pictures, for a card that is nearly worn out: of each group of pictures the first, one a second at most, and all of the sound.
import type { ContainerTrack, Sample, TrackSamples } from "#containers/sample.ts";
import type { Fragment, GapCause } from "../store.ts";

/** Cameras whose every picture is a keyframe, as those of JPEG. */
const LEAST_STEP_US = 900_000;
/** Without a keyframe for longer, what there is goes on. */
const MAX_HELD_US = 30e6;
/** Sound that came with it. */
const MAX_HELD_BYTES = 512 * 1024;

/** What came of several fragments. */
export class ThinnedFragment implements Fragment {
  readonly samples: readonly TrackSamples[];
  /** They are safe when this one is. */
  readonly absorbed: readonly Fragment[];
  readonly captureUs: number;
  readonly durationUs: number;
  readonly keyframe: boolean;
  gapBefore: GapCause | undefined;
  readonly senderUtcUs: number | undefined;
  readonly sizeBytes: number;

  constructor(samples: readonly TrackSamples[], absorbed: readonly [Fragment, ...Fragment[]], keyframe: boolean) {
    const [first] = absorbed;
    const last = absorbed.at(-1)!;
    this.samples = samples;
    this.absorbed = absorbed;
    this.captureUs = first.captureUs;
    this.durationUs = last.captureUs + last.durationUs - first.captureUs;
    this.keyframe = keyframe;
    this.gapBefore = first.gapBefore;
    this.senderUtcUs = first.senderUtcUs;
    this.sizeBytes = samples.reduce((sum, track) => sum + sizeOf(track.samples), 0);
  }
}

interface Pending {
  readonly keyframe: boolean;
  readonly absorbed: Fragment[];
  /** By trackIndex. */
  readonly samples: Map<number, Sample[]>;
  /** Of pictures that stand until then, by trackIndex. */
  readonly endTicks: Map<number, number>;
  sizeBytes: number;
}

export class PictureThinner {
  readonly #tracks: readonly ContainerTrack[];
  #pending: Pending | undefined;

  constructor(tracks: readonly ContainerTrack[]) {
    this.#tracks = tracks;
  }

  /** There are pictures to leave out. */
  get canThin(): boolean {
    return this.#tracks.some(({ kind }) => kind === "video");
  }

  /** What is to be stored once the fragment came; it is let go of. `thin`: it is to have fewer pictures, from the next keyframe on. */
  push(fragment: Fragment, thin: boolean): readonly Fragment[] {
    const pending = this.#pending;
    if (pending === undefined) {
      if (!thin || !this.canThin || !fragment.keyframe) return [fragment];
      this.#begin(fragment);
      return [];
    }
    const first = pending.absorbed[0]!;
    const mayEnd = fragment.keyframe && (!thin || fragment.captureUs - first.captureUs >= LEAST_STEP_US);
    const isFull = fragment.captureUs - first.captureUs > MAX_HELD_US || pending.sizeBytes > MAX_HELD_BYTES;
    if (fragment.gapBefore === undefined && !mayEnd && !isFull) {
      this.#absorb(pending, fragment);
      return [];
    }
    const ended = this.#end(pending);
    if (!thin && fragment.keyframe) return [ended, fragment];
    this.#begin(fragment);
    return [ended];
  }

  /** What has not gone on yet. */
  flush(): Fragment | undefined {
    return this.#pending && this.#end(this.#pending);
  }

  #begin(fragment: Fragment): void {
    this.#pending = { keyframe: fragment.keyframe, absorbed: [], samples: new Map(), endTicks: new Map(), sizeBytes: 0 };
    this.#absorb(this.#pending, fragment);
  }

  #absorb(pending: Pending, fragment: Fragment): void {
    for (const { trackIndex, samples } of fragment.samples) {
      const isVideo = this.#tracks[trackIndex]?.kind === "video";
      const kept = pending.samples.get(trackIndex) ?? [];
      const wanted = !isVideo ? samples : kept.length > 0 ? [] : samples.filter(({ keyframe }) => keyframe).slice(0, 1);
      const copies = wanted.map(copied);
      pending.sizeBytes += sizeOf(copies);
      kept.push(...copies);
      if (kept.length > 0) pending.samples.set(trackIndex, kept);
      const last = samples.at(-1);
      if (last !== undefined) pending.endTicks.set(trackIndex, last.dtsTicks + last.durationTicks);
    }
    pending.absorbed.push(fragment);
    fragment.release?.();
  }

  #end({ absorbed, samples, endTicks, keyframe }: Pending): Fragment {
    this.#pending = undefined;
    const tracks = [...samples].sort(([one], [other]) => one - other);
    const thinned = tracks.map(([trackIndex, own]): TrackSamples => {
      if (this.#tracks[trackIndex]?.kind !== "video") return { trackIndex, samples: own };
      return { trackIndex, samples: own.map((sample) => ({ ...sample, durationTicks: endTicks.get(trackIndex)! - sample.dtsTicks })) };
    });
    return new ThinnedFragment(thinned, absorbed as [Fragment, ...Fragment[]], keyframe);
  }
}

function copied({ dtsTicks, ptsOffsetTicks, durationTicks, keyframe, frame }: Sample): Sample {
  return { dtsTicks, ptsOffsetTicks, durationTicks, keyframe, frame: frame.map((part) => Buffer.from(part)) };
}

function sizeOf(samples: readonly Sample[]): number {
  return samples.reduce((sum, { frame }) => sum + frame.reduce((bytes, { length }) => bytes + length, 0), 0);
}

// Where one track of a clip begins: what is before the instant wanted is kept only as far as a decoder needs it.
import type { ContainerTrack, Sample } from "#containers/sample.ts";

/** A group of pictures above this is handed on before it is known whether it is needed. */
const MAX_HELD_BYTES = 32 * 2 ** 20;

/** Clients give times with fewer decimals than clocks have. */
const TOLERANCE_SECONDS = 0.001;

/** Times count from the start of the clip: negative before it. */
export class ClipStart {
  readonly #isVideo: boolean;
  readonly #toleranceTicks: number;
  #held: Sample[] = [];
  #heldBytes = 0;
  #hasBegun = false;
  /** Of the keyframe that the track begins with; frames that are shown before it need what is not there. */
  #startPts: number | undefined;

  constructor({ kind, clockRateHz }: ContainerTrack) {
    this.#isVideo = kind === "video";
    this.#toleranceTicks = TOLERANCE_SECONDS * clockRateHz;
  }

  /** Footage is missing here: a decoder begins anew. */
  reset(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#startPts = undefined;
  }

  /** What of the samples belongs to the clip, and what was kept before them; samples come in decode order. */
  push(samples: readonly Sample[]): readonly Sample[] {
    if (!this.#isVideo) return samples.filter(({ dtsTicks, durationTicks }) => dtsTicks >= 0 || dtsTicks + durationTicks > 0);
    for (const sample of samples) {
      const pts = sample.dtsTicks + sample.ptsOffsetTicks;
      if (sample.keyframe && (this.#startPts === undefined || (!this.#hasBegun && pts <= this.#toleranceTicks))) {
        this.reset();
        this.#startPts = pts;
      } else if (this.#startPts === undefined || pts < this.#startPts) continue;
      this.#hasBegun ||= sample.dtsTicks >= 0;
      this.#held.push(sample);
      for (const { length } of sample.frame) this.#heldBytes += length;
    }
    if (!this.#hasBegun && this.#heldBytes <= MAX_HELD_BYTES) return [];
    const begun = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return begun;
  }
}

// A fragment as a store has it that may fail: when it is not safe in the end it comes back whole.
import type { TrackSamples } from "#containers/sample.ts";
import type { Fragment, GapCause } from "./store.ts";

export class Loan implements Fragment {
  readonly fragment: Fragment;
  /** Footage is missing before it. */
  readonly endsGap: boolean;
  readonly captureUs: number;
  readonly durationUs: number;
  readonly keyframe: boolean;
  gapBefore: GapCause | undefined;
  readonly senderUtcUs: number | undefined;
  readonly sizeBytes: number;
  readonly damagedFrames: number;
  #isReleased = false;
  #isSafe = false;

  constructor(fragment: Fragment, endsGap: boolean) {
    this.fragment = fragment;
    this.endsGap = endsGap;
    this.captureUs = fragment.captureUs;
    this.durationUs = fragment.durationUs;
    this.keyframe = fragment.keyframe;
    this.gapBefore = fragment.gapBefore;
    this.senderUtcUs = fragment.senderUtcUs;
    this.sizeBytes = fragment.sizeBytes;
    this.damagedFrames = fragment.damagedFrames ?? 0;
  }

  get samples(): readonly TrackSamples[] {
    return this.fragment.samples;
  }

  /** The store has written it. */
  release(): void {
    this.#isReleased = true;
    if (this.#isSafe) this.fragment.release?.();
  }

  /** It does not come back. */
  settle(): void {
    this.#isSafe = true;
    if (this.#isReleased) this.fragment.release?.();
  }
}

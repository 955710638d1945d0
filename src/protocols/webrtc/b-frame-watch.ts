// Notices H.264 with B-frames by its times: decode order is not display order, which players of WebRTC cannot mend.
import type { Unit } from "#relay/unit.ts";

/** One step back may be a mended clock. */
const STEPS_BACK = 4;
const WINDOW_FRAMES = 64;

/** Of one reader: units of the open GOP, which are drawn together in time, keep their display order. */
export class BFrameWatch {
  #lastPtsTicks = Number.NEGATIVE_INFINITY;
  #steps = 0;
  #frames = 0;

  /** True once there can be no doubt. */
  sees({ track, ptsTicks }: Unit): boolean {
    if (track.codec !== "h264") return false;
    if (++this.#frames > WINDOW_FRAMES) {
      this.#frames = 0;
      this.#steps = 0;
    }
    if (ptsTicks < this.#lastPtsTicks) this.#steps++;
    this.#lastPtsTicks = ptsTicks;
    return this.#steps >= STEPS_BACK;
  }
}

// Notices in the picture order counts of H.264 (§8.2.1.1) that frames which are shown earlier are still to come.
import { isH264Keyframe } from "./nal.ts";
import { pocLsbOf } from "./slice.ts";
import type { H264Sps } from "./sps.ts";

/** For streams whose SPS does not state its reordering; frames are given in decode order. */
export class H264DisplayOrder {
  readonly #sps: H264Sps;
  /** The latest picture in display order since the IDR picture, modulo MaxPicOrderCntLsb. */
  #latestLsb: number | undefined;

  constructor(sps: H264Sps) {
    this.#sps = sps;
  }

  /** How many frames seem to be left out just before this one in display order. A frame that was lost looks the same. */
  skippedBefore(frame: readonly Buffer[]): number {
    const lsb = pocLsbOf(frame, this.#sps);
    if (lsb === undefined) return 0;
    const latest = this.#latestLsb;
    if (latest === undefined || isH264Keyframe(frame)) {
      this.#latestLsb = lsb;
      return 0;
    }
    const range = 2 ** this.#sps.log2MaxPocLsb;
    const ahead = (lsb - latest + range) % range;
    if (ahead === 0 || ahead >= range / 2) return 0; // shown before the latest one
    this.#latestLsb = lsb;
    return Math.ceil(ahead / 2) - 1; // two counts a frame, one for each field
  }
}

// Decoding times for frames that come in decode order with presentation times only, as RTP carries them.
//
// With at most R frames preceding any frame in decode order and following it in display order, the n-th decoding time is the
// (n − R)-th presentation time in display order: the (R + 1)-th largest one seen so far. It is never above the frame's own
// presentation time and it grows with every frame, at any frame rate and with frames missing.
import type { Parameters } from "./codec.ts";
import { H264DisplayOrder } from "./h264/display-order.ts";
import { MAX_DPB_FRAMES } from "./h264/dpb.ts";
import { isH264Keyframe } from "./h264/nal.ts";
import { parseH264Sps } from "./h264/sps.ts";
import { H265NalType, h265PictureType, isH265RandomAccess } from "./h265/nal.ts";
import { reorderBoundsOf } from "./reorder.ts";

const DEFAULT_FPS = 25;
/** Leading pictures of a CRA picture are shown before it, so that the first decoding times must lie lower; encoders make no more of them. */
const MAX_LEADING_PICTURES = 16;

/** One reader's clock for one track: strictly increasing decoding times, each at or before its frame's presentation time. */
export class DtsClock {
  readonly #clockRateHz: number;
  #parameters: Parameters;
  #reorderFrames = 0;
  /** The sets say what #reorderFrames is; else it is learned. */
  #stated = false;
  #most = 0;
  #ticksPerFrame = 0;
  #displayOrder: H264DisplayOrder | undefined;
  /** The deepest reordering that was seen. */
  #seen = 0;
  /** The largest presentation times so far, largest first. */
  readonly #latest: number[] = [];
  #lastDtsTicks: number | undefined;
  /** Frames whose decoding time had to be put after their presentation time, because the presentation times made no sense. */
  faults = 0;

  constructor(parameters: Parameters, clockRateHz: number) {
    this.#clockRateHz = clockRateHz;
    this.#parameters = parameters;
    this.setParameters(parameters);
  }

  /** New parameter sets of the same track; to be called before the first frame that uses them. */
  setParameters(parameters: Parameters): void {
    const bounds = reorderBoundsOf(parameters);
    this.#parameters = parameters;
    this.#stated = bounds.stated !== undefined;
    this.#most = bounds.most > 0 ? bounds.most : MAX_DPB_FRAMES;
    this.#reorderFrames = bounds.stated ?? this.#seen;
    this.#ticksPerFrame = Math.max(1, Math.round(this.#clockRateHz / (bounds.fps ?? DEFAULT_FPS)));
    this.#displayOrder = undefined;
    if (parameters.codec === "h264" && !this.#stated) {
      for (const set of parameters.sps) {
        const sps = parseH264Sps(set);
        if (sps !== undefined) this.#displayOrder ??= new H264DisplayOrder(sps);
      }
    }
  }

  /** The decoding time of the next frame in decode order. */
  next(frame: readonly Buffer[], ptsTicks: number): number {
    if (!this.#stated) this.#learn(frame);
    if (this.#lastDtsTicks === undefined) this.#seed(frame, ptsTicks);
    const depth = this.#insert(ptsTicks);
    this.#seen = Math.max(this.#seen, depth);
    this.#reorderFrames = Math.max(this.#reorderFrames, depth);
    const ordered = this.#latest[this.#reorderFrames];
    const last = this.#lastDtsTicks;
    let dtsTicks = ordered ?? ptsTicks;
    if (last !== undefined && (ordered === undefined || ordered <= last)) dtsTicks = last + 1;
    if (dtsTicks > ptsTicks) this.faults++;
    this.#lastDtsTicks = dtsTicks;
    return dtsTicks;
  }

  /** Without a statement: as deep as gaps in the display order suggest, and at each keyframe back to what was really seen. */
  #learn(frame: readonly Buffer[]): void {
    if (this.#displayOrder === undefined) return;
    const skipped = this.#displayOrder.skippedBefore(frame);
    if (isH264Keyframe(frame)) this.#reorderFrames = this.#seen;
    else this.#reorderFrames = Math.max(this.#reorderFrames, Math.min(skipped, this.#most));
  }

  /** As if frames of an even rate had gone before the first one. */
  #seed(frame: readonly Buffer[], ptsTicks: number): void {
    let before = 0;
    if (this.#reorderFrames > 0 && this.#parameters.codec === "h265") {
      const type = h265PictureType(frame);
      if (type !== undefined && isH265RandomAccess(type) && type !== H265NalType.idrWRadl && type !== H265NalType.idrNLp) {
        before = MAX_LEADING_PICTURES;
      }
    }
    for (let i = 1; i <= this.#reorderFrames; i++) this.#latest.push(ptsTicks - (before + i) * this.#ticksPerFrame);
  }

  /** Returns how many of the frames before are shown after this one. */
  #insert(ptsTicks: number): number {
    const latest = this.#latest;
    let place = 0;
    while (place < latest.length && latest[place]! > ptsTicks) place++;
    latest.splice(place, 0, ptsTicks);
    if (latest.length > MAX_DPB_FRAMES + 1) latest.pop();
    return Math.min(place, MAX_DPB_FRAMES);
  }
}

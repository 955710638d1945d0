// How far display order may differ from decode order: what the parameter sets say about B-frames.
import type { Parameters } from "./codec.ts";
import { parseH264Sps } from "./h264/sps.ts";
import { parseH265Sps } from "./h265/sps.ts";

export interface ReorderBounds {
  /** Frames that may precede a frame in decode order and follow it in display order; undefined when the sets do not say. */
  readonly stated: number | undefined;
  /** The most it can be. */
  readonly most: number;
  readonly fps: number | undefined;
}

const IN_ORDER: ReorderBounds = { stated: 0, most: 0, fps: undefined };

/** Over all parameter sets of the track. Without one nothing is stated and `most` is 0. */
export function reorderBoundsOf(parameters: Parameters): ReorderBounds {
  if (parameters.codec !== "h264" && parameters.codec !== "h265") return IN_ORDER;
  const sets = [];
  for (const set of parameters.sps) {
    const sps = parameters.codec === "h264" ? parseH264Sps(set) : parseH265Sps(set);
    if (sps !== undefined) sets.push(sps);
  }
  let stated: number | undefined = sets.length > 0 ? 0 : undefined;
  let most = 0;
  for (const { reorderFrames, maxReorderFrames } of sets) {
    stated = stated === undefined || reorderFrames === undefined ? undefined : Math.max(stated, reorderFrames);
    most = Math.max(most, reorderFrames ?? maxReorderFrames);
  }
  return { stated, most, fps: sets.find((sps) => sps.fps !== undefined)?.fps };
}

/** For `Track.reorderFrames`: 0 means no B-frames for certain; where the sets leave it open, the most that is possible. */
export function reorderFramesOf(parameters: Parameters): number {
  return reorderBoundsOf(parameters).most;
}

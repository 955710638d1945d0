// How far display order may differ from decode order: what the parameter sets say about B-frames.
import type { Parameters } from "./codec.ts";
import { parseH264Sps } from "./h264/sps.ts";
import { parseH265Sps } from "./h265/sps.ts";
import { parseMpegVideoSequence } from "./mpeg1-video/headers.ts";
import { parseMpeg4VideoConfig } from "./mpeg4-video/headers.ts";

export interface ReorderBounds {
  /** Frames that may precede a frame in decode order and follow it in display order; undefined when the sets do not say. */
  readonly stated: number | undefined;
  /** The most it can be. */
  readonly most: number;
  readonly fps: number | undefined;
}

const IN_ORDER: ReorderBounds = { stated: 0, most: 0, fps: undefined };

/** MPEG-1, MPEG-2 and MPEG-4 video: B-pictures stand between two others, so that no more than one is sent ahead of them. */
function mpegBounds(config: { readonly lowDelay: boolean; readonly fps?: number | undefined } | undefined): ReorderBounds {
  if (config === undefined) return { stated: undefined, most: 1, fps: undefined };
  const most = config.lowDelay ? 0 : 1;
  return { stated: most, most, fps: config.fps };
}

/** Over all parameter sets of the track. Without one nothing is stated and `most` is 0. */
export function reorderBoundsOf(parameters: Parameters): ReorderBounds {
  if (parameters.codec === "mpeg1-video") return mpegBounds(parameters.config && parseMpegVideoSequence(parameters.config));
  if (parameters.codec === "mpeg4-video") return mpegBounds(parameters.config && parseMpeg4VideoConfig(parameters.config));
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

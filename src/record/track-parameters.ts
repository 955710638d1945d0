// When a track's description is enough to begin a container with, and when two are the same.
import { isDeepStrictEqual } from "node:util";
import type { Parameters } from "#codecs/codec.ts";

/** All that a container must say before the first frame is known. */
export function isComplete(parameters: Parameters): boolean {
  switch (parameters.codec) {
    case "h264":
      return parameters.sps.length > 0 && parameters.pps.length > 0;
    case "h265":
      return parameters.vps.length > 0 && parameters.sps.length > 0 && parameters.pps.length > 0;
    case "av1":
      return parameters.sequenceHeader !== undefined;
    case "vp9":
    case "mjpeg":
      return parameters.picture !== undefined;
    case "mpeg4-video":
    case "mpeg1-video":
      return parameters.config !== undefined;
    case "mp3":
      return parameters.sampleRateHz !== undefined && parameters.channelCount !== undefined;
    case "ac3":
      return parameters.syncInfo !== undefined;
    case "aac":
      return parameters.config.length > 0;
    case "opus":
    case "g711":
    case "g722":
    case "g726":
    case "lpcm":
    case "klv":
    case "vp8":
    case "generic":
      return true;
  }
}

/** Byte for byte: a source that repeats its parameter sets has not changed them. */
export function areSame(a: Parameters, b: Parameters): boolean {
  return a === b || isDeepStrictEqual(a, b);
}

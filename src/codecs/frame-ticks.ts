// How long one coded audio frame plays, in ticks of its track's clock.
import { parseAacConfig } from "./aac/config.ts";
import type { Parameters } from "./codec.ts";
import { opusSamples } from "./opus/packet.ts";

/** 0 for video, unknown codecs and a frame that cannot be read. */
export function frameTicks(parameters: Parameters, frame: Buffer): number {
  switch (parameters.codec) {
    case "aac":
      return aacFrameTicks(parameters.config, parameters.sampleRateHz);
    case "opus":
      return opusSamples(frame) ?? 0;
    case "g711":
      return Math.floor(frame.length / parameters.channelCount);
    case "lpcm":
      return Math.floor(frame.length / ((parameters.bitDepth / 8) * parameters.channelCount));
    case "h264":
    case "h265":
    case "mjpeg":
    case "generic":
      return 0;
  }
}

/** `clockRateHz` is that of the RTP timestamps: the core coder's rate, or with SBR mostly its output rate. */
export function aacFrameTicks(config: Buffer, clockRateHz: number): number {
  const parsed = parseAacConfig(config);
  return parsed === undefined ? 1024 : Math.round((parsed.samplesPerFrame * clockRateHz) / parsed.sampleRateHz);
}

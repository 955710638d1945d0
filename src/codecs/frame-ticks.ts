// How long one coded audio frame plays, in ticks of its track's clock.
import { parseAacConfig } from "./aac/config.ts";
import { AC3_SAMPLES_PER_FRAME, parseAc3Syncframe } from "./ac3/syncframe.ts";
import type { Parameters } from "./codec.ts";
import { parseMp3Header } from "./mp3/header.ts";
import { opusSamples } from "./opus/packet.ts";

/** RFC 2250 §3: ticks per second of MPEG audio, whatever its sampling rate. */
export const MPEG_CLOCK_RATE_HZ = 90_000;

/** ITU-T G.722 samples at 16 kHz, and RTP's clock for it counts at half that rate (RFC 3551 §4.5.2): a tick is a byte. */
export const G722_CLOCK_RATE_HZ = 8000;

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
    case "mp3": {
      const header = parseMp3Header(frame);
      return header === undefined ? 0 : Math.round((header.samplesPerFrame * MPEG_CLOCK_RATE_HZ) / header.sampleRateHz);
    }
    case "ac3": {
      const syncframe = parseAc3Syncframe(frame);
      return syncframe === undefined ? 0 : Math.round((AC3_SAMPLES_PER_FRAME * parameters.sampleRateHz) / syncframe.sampleRateHz);
    }
    case "g722":
      return frame.length;
    case "g726":
      return Math.floor((frame.length * 8) / g726SampleBits(parameters.bitRate));
    case "h264":
    case "h265":
    case "av1":
    case "vp9":
    case "vp8":
    case "mjpeg":
    case "mpeg4-video":
    case "mpeg1-video":
    case "klv":
    case "generic":
      return 0;
  }
}

/** ITU-T G.726: 8,000 samples a second of 2, 3, 4 or 5 bits. */
export function g726SampleBits(bitRate: number): number {
  return bitRate / 8000;
}

/** `clockRateHz` is that of the RTP timestamps: the core coder's rate, or with SBR mostly its output rate. */
export function aacFrameTicks(config: Buffer, clockRateHz: number): number {
  const parsed = parseAacConfig(config);
  return parsed === undefined ? 1024 : Math.round((parsed.samplesPerFrame * clockRateHz) / parsed.sampleRateHz);
}

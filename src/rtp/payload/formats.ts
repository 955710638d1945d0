// From a codec to its payload format, and between SDP's description of a format and parameters.
import type { Codec, GenericParameters, Parameters } from "#codecs/codec.ts";
import { OPUS_CLOCK_RATE_HZ } from "#codecs/opus/packet.ts";
import { aacFromSdp, aacPayload, describeAac } from "./aac.ts";
import { describeGeneric, genericFromSdp, genericPayload } from "./generic.ts";
import { describeH264, h264FromSdp, h264Payload } from "./h264.ts";
import { describeH265, h265FromSdp, h265Payload } from "./h265.ts";
import { describeMjpeg, mjpegPayload } from "./mjpeg.ts";
import { describeOpus, opusFromSdp, opusPayload } from "./opus.ts";
import type { FormatDescription, PayloadFormat } from "./payload-format.ts";
import { describeG711, describeLpcm, g711FromSdp, g711Payload, lpcmFromSdp, lpcmPayload } from "./samples.ts";
import { parseRtpmap } from "./sdp-text.ts";

export type MediaKind = "video" | "audio" | "data";

const VIDEO_CLOCK_RATE_HZ = 90_000;

const FORMATS: Readonly<Record<Codec, PayloadFormat>> = {
  h264: h264Payload,
  h265: h265Payload,
  mjpeg: mjpegPayload,
  aac: aacPayload,
  opus: opusPayload,
  g711: g711Payload,
  lpcm: lpcmPayload,
  generic: genericPayload,
};

/** By encoding name, lower case; a static payload type without rtpmap is looked up by its number. */
const CODEC_BY_NAME: ReadonlyMap<string, Codec> = new Map([
  ["h264", "h264"],
  ["h265", "h265"],
  ["jpeg", "mjpeg"],
  ["mpeg4-generic", "aac"],
  ["opus", "opus"],
  ["pcmu", "g711"],
  ["pcma", "g711"],
  ["l8", "lpcm"],
  ["l16", "lpcm"],
  ["l24", "lpcm"],
]);
/** RFC 3551 tables 4 and 5: those that are read here. */
const CODEC_BY_PAYLOAD_TYPE: ReadonlyMap<number, Codec> = new Map([
  [0, "g711"],
  [8, "g711"],
  [10, "lpcm"],
  [11, "lpcm"],
  [26, "mjpeg"],
]);
/** Clock rates of the other static audio payload types, RFC 3551 table 4; video is 90 kHz. G.722 says 8000 and means it (§4.5.2). */
const CLOCK_RATE_BY_PAYLOAD_TYPE: ReadonlyMap<number, number> = new Map([
  [3, 8000],
  [4, 8000],
  [5, 8000],
  [6, 16_000],
  [7, 8000],
  [9, 8000],
  [12, 8000],
  [13, 8000],
  [15, 8000],
  [16, 11_025],
  [17, 22_050],
  [18, 8000],
]);

export function payloadFormatOf(codec: Codec): PayloadFormat {
  return FORMATS[codec];
}

/** The codec that is read here, or `generic`; video with another clock than 90 kHz is not what its name says. */
function codecOf(description: FormatDescription): Codec {
  const rtpmap = parseRtpmap(description.rtpmap);
  const codec = rtpmap === undefined ? CODEC_BY_PAYLOAD_TYPE.get(description.payloadType ?? -1) : CODEC_BY_NAME.get(rtpmap.name);
  if (codec === undefined) return "generic";
  const isVideo = codec === "h264" || codec === "h265" || codec === "mjpeg";
  return isVideo && (rtpmap?.clockRateHz ?? VIDEO_CLOCK_RATE_HZ) !== VIDEO_CLOCK_RATE_HZ ? "generic" : codec;
}

/**
 * What SDP tells of a track. Missing or broken parameter sets are no error; undefined is for a format that is known and cannot be
 * set up: AAC without a usable config, samples without a rate. `mediaKind` is the word after `m=`.
 */
export function parametersFromSdp(mediaKind: string, description: FormatDescription): Parameters | undefined {
  const codec = mediaKind === "application" ? "generic" : codecOf(description);
  switch (codec) {
    case "h264":
      return h264FromSdp(description);
    case "h265":
      return h265FromSdp(description);
    case "mjpeg":
      return { codec: "mjpeg" };
    case "aac":
      return aacFromSdp(description);
    case "opus":
      return opusFromSdp(description);
    case "g711":
      return g711FromSdp(description);
    case "lpcm":
      return lpcmFromSdp(description);
    case "generic":
      return genericFromSdp(description);
  }
}

/** What SDP tells readers. */
export function describeFormat(parameters: Parameters): FormatDescription {
  switch (parameters.codec) {
    case "h264":
      return describeH264(parameters);
    case "h265":
      return describeH265(parameters);
    case "mjpeg":
      return describeMjpeg();
    case "aac":
      return describeAac(parameters);
    case "opus":
      return describeOpus(parameters);
    case "g711":
      return describeG711(parameters);
    case "lpcm":
      return describeLpcm(parameters);
    case "generic":
      return describeGeneric(parameters);
  }
}

/** `mediaKind` (the word after `m=`) decides for generic formats only. */
export function kindOf(parameters: Parameters, mediaKind: string): MediaKind {
  switch (parameters.codec) {
    case "h264":
    case "h265":
    case "mjpeg":
      return "video";
    case "aac":
    case "opus":
    case "g711":
    case "lpcm":
      return "audio";
    case "generic":
      return mediaKind === "video" || mediaKind === "audio" ? mediaKind : "data";
  }
}

function genericClockRate({ rtpmap, payloadType }: GenericParameters): number {
  return parseRtpmap(rtpmap)?.clockRateHz ?? CLOCK_RATE_BY_PAYLOAD_TYPE.get(payloadType) ?? VIDEO_CLOCK_RATE_HZ;
}

/** Ticks of the RTP timestamp per second. */
export function clockRateOf(parameters: Parameters): number {
  switch (parameters.codec) {
    case "h264":
    case "h265":
    case "mjpeg":
      return VIDEO_CLOCK_RATE_HZ;
    case "aac":
    case "g711":
    case "lpcm":
      return parameters.sampleRateHz;
    case "opus":
      return OPUS_CLOCK_RATE_HZ;
    case "generic":
      return genericClockRate(parameters);
  }
}

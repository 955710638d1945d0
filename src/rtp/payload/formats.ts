// From a codec to its payload format, and between SDP's description of a format and parameters.
import type { Codec, GenericParameters, Parameters } from "#codecs/codec.ts";
import { G722_CLOCK_RATE_HZ, MPEG_CLOCK_RATE_HZ } from "#codecs/frame-ticks.ts";
import { OPUS_CLOCK_RATE_HZ } from "#codecs/opus/packet.ts";
import { aacFromSdp, aacPayload, describeAac } from "./aac.ts";
import { ac3FromSdp, ac3Payload, describeAc3 } from "./ac3.ts";
import { av1FromSdp, av1Payload, describeAv1 } from "./av1.ts";
import { describeG722, g722FromSdp, g722Payload } from "./g722.ts";
import { describeG726, g726FromSdp, g726Payload } from "./g726.ts";
import { describeGeneric, genericFromSdp, genericPayload } from "./generic.ts";
import { describeH264, h264FromSdp, h264Payload } from "./h264.ts";
import { describeH265, h265FromSdp, h265Payload } from "./h265.ts";
import { describeKlv, klvFromSdp, klvPayload } from "./klv.ts";
import { latmFromSdp } from "./latm.ts";
import { describeMjpeg, mjpegPayload } from "./mjpeg.ts";
import { describeMpegAudio, mpegAudioFromSdp, mpegAudioPayload } from "./mpeg-audio.ts";
import { describeMpeg1Video, mpeg1VideoFromSdp, mpeg1VideoPayload } from "./mpeg1-video.ts";
import { describeMpeg4Video, mpeg4VideoFromSdp, mpeg4VideoPayload, sameMpeg4Video } from "./mpeg4-video.ts";
import { describeOpus, opusFromSdp, opusPayload } from "./opus.ts";
import type { FormatDescription, PayloadFormat } from "./payload-format.ts";
import { describeG711, describeLpcm, g711FromSdp, g711Payload, lpcmFromSdp, lpcmPayload } from "./samples.ts";
import { parseRtpmap } from "./sdp-text.ts";
import { describeVp8, vp8FromSdp, vp8Payload } from "./vp8.ts";
import { describeVp9, vp9FromSdp, vp9Payload } from "./vp9.ts";

export type MediaKind = "video" | "audio" | "data";

const VIDEO_CLOCK_RATE_HZ = 90_000;
const G726_CLOCK_RATE_HZ = 8000;

const FORMATS: Readonly<Record<Codec, PayloadFormat>> = {
  h264: h264Payload,
  h265: h265Payload,
  av1: av1Payload,
  vp9: vp9Payload,
  vp8: vp8Payload,
  mjpeg: mjpegPayload,
  "mpeg4-video": mpeg4VideoPayload,
  "mpeg1-video": mpeg1VideoPayload,
  aac: aacPayload,
  opus: opusPayload,
  mp3: mpegAudioPayload,
  ac3: ac3Payload,
  g711: g711Payload,
  g722: g722Payload,
  g726: g726Payload,
  lpcm: lpcmPayload,
  klv: klvPayload,
  generic: genericPayload,
};

/** By encoding name, lower case; a static payload type without rtpmap is looked up by its number. */
const CODEC_BY_NAME: ReadonlyMap<string, Codec> = new Map([
  ["h264", "h264"],
  ["h265", "h265"],
  ["av1", "av1"],
  ["vp9", "vp9"],
  ["vp8", "vp8"],
  ["jpeg", "mjpeg"],
  ["mp4v-es", "mpeg4-video"],
  ["mpv", "mpeg1-video"],
  ["mpeg4-generic", "aac"],
  ["mp4a-latm", "aac"],
  ["opus", "opus"],
  ["pcmu", "g711"],
  ["pcma", "g711"],
  ["g722", "g722"],
  ["mpa", "mp3"],
  ["ac3", "ac3"],
  ...["16", "24", "32", "40"].flatMap((kbps) => [[`g726-${kbps}`, "g726"] as const, [`aal2-g726-${kbps}`, "g726"] as const]),
  ["l8", "lpcm"],
  ["l16", "lpcm"],
  ["l24", "lpcm"],
  ["smpte336m", "klv"],
]);
/** RFC 3551 tables 4 and 5: those that are read here. */
const CODEC_BY_PAYLOAD_TYPE: ReadonlyMap<number, Codec> = new Map([
  [0, "g711"],
  [8, "g711"],
  [9, "g722"],
  [10, "lpcm"],
  [11, "lpcm"],
  [14, "mp3"],
  [26, "mjpeg"],
  [32, "mpeg1-video"],
]);
/** Those whose RTP clock is 90 kHz and nothing else. */
const OF_90_KHZ: ReadonlySet<Codec> = new Set(["h264", "h265", "av1", "vp9", "vp8", "mjpeg", "mpeg4-video", "mpeg1-video", "mp3", "klv"]);
/** Whatever a reader must know of them comes in the stream. */
const IN_STREAM: ReadonlySet<Codec> = new Set(["h264", "av1", "vp9", "vp8", "mjpeg", "mpeg1-video", "mp3"]);
/** Clock rates of the other static audio payload types, RFC 3551 table 4; video is 90 kHz. */
const CLOCK_RATE_BY_PAYLOAD_TYPE: ReadonlyMap<number, number> = new Map([
  [3, 8000],
  [4, 8000],
  [5, 8000],
  [6, 16_000],
  [7, 8000],
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

/** The codec that is read here, or `generic`: a wrong clock is not what the name says, and `application` (RFC 6597) goes with KLV alone. */
function codecOf(mediaKind: string, description: FormatDescription): Codec {
  const rtpmap = parseRtpmap(description.rtpmap);
  const codec = rtpmap === undefined ? CODEC_BY_PAYLOAD_TYPE.get(description.payloadType ?? -1) : CODEC_BY_NAME.get(rtpmap.name);
  if (codec === undefined || (mediaKind === "application") !== (codec === "klv")) return "generic";
  return OF_90_KHZ.has(codec) && (rtpmap?.clockRateHz ?? VIDEO_CLOCK_RATE_HZ) !== VIDEO_CLOCK_RATE_HZ ? "generic" : codec;
}

/**
 * What SDP tells of a track. Missing or broken parameter sets are no error; undefined is for a format that is known and cannot be
 * set up: AAC without a usable config, samples without a rate. `mediaKind` is the word after `m=`.
 */
export function parametersFromSdp(mediaKind: string, description: FormatDescription): Parameters | undefined {
  switch (codecOf(mediaKind, description)) {
    case "h264":
      return h264FromSdp(description);
    case "h265":
      return h265FromSdp(description);
    case "av1":
      return av1FromSdp(description);
    case "vp9":
      return vp9FromSdp(description);
    case "vp8":
      return vp8FromSdp(description);
    case "mjpeg":
      return { codec: "mjpeg" };
    case "mpeg4-video":
      return mpeg4VideoFromSdp(description);
    case "mpeg1-video":
      return mpeg1VideoFromSdp();
    case "aac":
      if (parseRtpmap(description.rtpmap)?.name === "mp4a-latm") return latmFromSdp(description) ?? genericFromSdp(description);
      return aacFromSdp(description);
    case "opus":
      return opusFromSdp(description);
    case "mp3":
      return mpegAudioFromSdp();
    case "ac3":
      return ac3FromSdp(description) ?? genericFromSdp(description);
    case "g711":
      return g711FromSdp(description);
    case "g722":
      return g722FromSdp(description) ?? genericFromSdp(description);
    case "g726":
      return g726FromSdp(description) ?? genericFromSdp(description);
    case "lpcm":
      return lpcmFromSdp(description);
    case "klv":
      return klvFromSdp();
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
    case "av1":
      return describeAv1(parameters);
    case "vp9":
      return describeVp9(parameters);
    case "vp8":
      return describeVp8(parameters);
    case "mjpeg":
      return describeMjpeg();
    case "mpeg4-video":
      return describeMpeg4Video(parameters);
    case "mpeg1-video":
      return describeMpeg1Video();
    case "aac":
      return describeAac(parameters);
    case "opus":
      return describeOpus(parameters);
    case "mp3":
      return describeMpegAudio();
    case "ac3":
      return describeAc3(parameters);
    case "g711":
      return describeG711(parameters);
    case "g722":
      return describeG722();
    case "g726":
      return describeG726(parameters);
    case "lpcm":
      return describeLpcm(parameters);
    case "klv":
      return describeKlv();
    case "generic":
      return describeGeneric(parameters);
  }
}

/**
 * Whether a reader that was told of `before` can go on with `after`: the same description, but for what comes in the stream itself, as
 * parameter sets of video do.
 */
export function sameForReaders(before: Parameters, after: Parameters): boolean {
  if (before.codec === "h265" && after.codec === "h265") return (before.maxDonDiff ?? 0) === (after.maxDonDiff ?? 0);
  if (before.codec === "mpeg4-video" && after.codec === "mpeg4-video") return sameMpeg4Video(before, after);
  if (before.codec === after.codec && IN_STREAM.has(before.codec)) return true;
  const [told, now] = [describeFormat(before), describeFormat(after)];
  const same = told.payloadType === now.payloadType && told.fmtp === now.fmtp;
  // What a LATM stream says of itself may have told the channels.
  if (before.codec === "aac" && after.codec === "aac" && before.latm?.inBand === true)
    return same && before.sampleRateHz === after.sampleRateHz;
  return same && told.rtpmap === now.rtpmap && before.codec === after.codec;
}

/** `mediaKind` (the word after `m=`) decides for generic formats only. */
export function kindOf(parameters: Parameters, mediaKind: string): MediaKind {
  switch (parameters.codec) {
    case "h264":
    case "h265":
    case "av1":
    case "vp9":
    case "vp8":
    case "mjpeg":
    case "mpeg4-video":
    case "mpeg1-video":
      return "video";
    case "aac":
    case "opus":
    case "mp3":
    case "ac3":
    case "g711":
    case "g722":
    case "g726":
    case "lpcm":
      return "audio";
    case "klv":
      return "data";
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
    case "av1":
    case "vp9":
    case "vp8":
    case "mjpeg":
    case "mpeg4-video":
    case "mpeg1-video":
    case "klv":
      return VIDEO_CLOCK_RATE_HZ;
    case "mp3":
      return MPEG_CLOCK_RATE_HZ;
    case "aac":
    case "ac3":
    case "g711":
    case "lpcm":
      return parameters.sampleRateHz;
    case "g722":
      return G722_CLOCK_RATE_HZ;
    case "g726":
      return G726_CLOCK_RATE_HZ;
    case "opus":
      return OPUS_CLOCK_RATE_HZ;
    case "generic":
      return genericClockRate(parameters);
  }
}

// What the API shows of a track: MediaMTX's codec labels and `codecProps`.
import { parseAacConfig } from "./aac/config.ts";
import { parseAv1SequenceHeader } from "./av1/sequence-header.ts";
import type { Av1Parameters, GenericParameters, Parameters, Vp8Parameters, Vp9Parameters } from "./codec.ts";
import { h264LevelName, h264ProfileName } from "./h264/names.ts";
import { parseH264Sps } from "./h264/sps.ts";
import { h265LevelName, h265ProfileName } from "./h265/names.ts";
import { parseH265Sps } from "./h265/sps.ts";

export interface CodecProperties {
  readonly label: string;
  readonly props: Readonly<Record<string, unknown>> | null;
}

const GENERIC = "Generic";
/** By the encoding name of the rtpmap, lower case. */
const LABEL_BY_NAME: ReadonlyMap<string, string> = new Map([
  ["av1", "AV1"],
  ["vp9", "VP9"],
  ["vp8", "VP8"],
  ["mp4v-es", "MPEG-4 Video"],
  ["multiopus", "Opus"],
  ["flac", "FLAC"],
  ["vorbis", "Vorbis"],
  ["mp4a-latm", "MPEG-4 Audio LATM"],
  ["ac3", "AC3"],
  ["g722", "G722"],
  ["speex", "Speex"],
  ["smpte336m", "KLV"],
]);
/** By static payload type, RFC 3551 §6, where no encoding name decides. */
const LABEL_BY_PAYLOAD_TYPE: ReadonlyMap<number, string> = new Map([
  [9, "G722"],
  [14, "MPEG-1/2 Audio"],
  [32, "MPEG-1/2 Video"],
  [33, "MPEG-TS"],
]);
const G726 = /^(aal2-)?g726-(16|24|32|40)$/;

/** An fmtp value as a whole number, 0 without it. */
function fmtpNumber(fmtp: string | undefined, name: string): number {
  for (const item of (fmtp ?? "").split(";")) {
    const [key = "", value = ""] = item.split("=", 2);
    if (key.trim().toLowerCase() === name && /^\d{1,9}$/.test(value.trim())) return Number(value);
  }
  return 0;
}

/** What the stream says, else what SDP said. */
function av1Properties({ sequenceHeader, fmtp }: Av1Parameters): CodecProperties {
  const sequence = sequenceHeader && parseAv1SequenceHeader(sequenceHeader);
  const { widthPx: width = 0, heightPx: height = 0 } = sequence ?? {};
  const profile = sequence?.profile ?? fmtpNumber(fmtp, "profile");
  const level = sequence?.levelIdx ?? fmtpNumber(fmtp, "level-idx");
  const tier = sequence?.tier ?? fmtpNumber(fmtp, "tier");
  return { label: "AV1", props: { width, height, profile, level, tier } };
}

/** MediaMTX tells the profile only; the size is there once it is known. */
function vp9Properties({ picture, fmtp }: Vp9Parameters): CodecProperties {
  if (picture === undefined) return { label: "VP9", props: { profile: fmtpNumber(fmtp, "profile-id") } };
  return { label: "VP9", props: { width: picture.widthPx, height: picture.heightPx, profile: picture.profile } };
}

/** MediaMTX tells nothing of it; the size is there once it is known. */
function vp8Properties({ picture }: Vp8Parameters): CodecProperties {
  return { label: "VP8", props: picture === undefined ? null : { width: picture.widthPx, height: picture.heightPx } };
}

function genericProperties({ rtpmap, fmtp, payloadType }: GenericParameters): CodecProperties {
  const [name = "", rate = "", channels = ""] = (rtpmap ?? "").toLowerCase().trim().split("/");
  const label = G726.test(name) ? "G726" : (LABEL_BY_NAME.get(name) ?? LABEL_BY_PAYLOAD_TYPE.get(payloadType) ?? GENERIC);
  switch (label) {
    case "AV1":
      return av1Properties({ codec: "av1", ...(fmtp !== undefined && { fmtp }) });
    case "VP9":
      return vp9Properties({ codec: "vp9", ...(fmtp !== undefined && { fmtp }) });
    case "Opus":
      return { label, props: { channelCount: Number.parseInt(channels, 10) || 1 } };
    case "AC3":
      return { label, props: { sampleRate: Number.parseInt(rate, 10) || 0, channelCount: Number.parseInt(channels, 10) || 6 } };
    default:
      return { label, props: null };
  }
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly profileIdc: number;
  readonly levelIdc: number;
}

function pictureProps(
  sps: Picture | undefined,
  profileName: (idc: number) => string,
  levelName: (idc: number) => string,
): CodecProperties["props"] {
  if (sps === undefined) return { width: 0, height: 0, profile: "", level: "" };
  return { width: sps.width, height: sps.height, profile: profileName(sps.profileIdc), level: levelName(sps.levelIdc) };
}

/** The label and properties of the first SPS where there are several; zeros and empty strings while none is known. */
export function codecProperties(parameters: Parameters): CodecProperties {
  switch (parameters.codec) {
    case "h264": {
      const sps = parameters.sps[0] && parseH264Sps(parameters.sps[0]);
      return { label: "H264", props: pictureProps(sps, h264ProfileName, h264LevelName) };
    }
    case "h265": {
      const sps = parameters.sps[0] && parseH265Sps(parameters.sps[0]);
      return { label: "H265", props: pictureProps(sps, h265ProfileName, h265LevelName) };
    }
    case "av1":
      return av1Properties(parameters);
    case "vp9":
      return vp9Properties(parameters);
    case "vp8":
      return vp8Properties(parameters);
    case "mjpeg":
      return { label: "M-JPEG", props: null };
    case "mpeg4-video":
      return { label: "MPEG-4 Video", props: null };
    case "mpeg1-video":
      return { label: "MPEG-1/2 Video", props: null };
    case "mp3":
      return { label: "MPEG-1/2 Audio", props: null };
    case "ac3":
      return { label: "AC3", props: { sampleRate: parameters.sampleRateHz, channelCount: parameters.channelCount } };
    case "g722":
      return { label: "G722", props: null };
    case "g726":
      return { label: "G726", props: null };
    case "klv":
      return { label: "KLV", props: null };
    case "aac": {
      if (parameters.latm !== undefined) return { label: "MPEG-4 Audio LATM", props: null };
      const sampleRate = parseAacConfig(parameters.config)?.sampleRateHz ?? parameters.sampleRateHz;
      return { label: "MPEG-4 Audio", props: { sampleRate, channelCount: parameters.channelCount } };
    }
    case "opus":
      return { label: "Opus", props: { channelCount: parameters.channelCount } };
    case "g711":
      return {
        label: "G711",
        props: { muLaw: parameters.muLaw, sampleRate: parameters.sampleRateHz, channelCount: parameters.channelCount },
      };
    case "lpcm":
      return {
        label: "LPCM",
        props: { bitDepth: parameters.bitDepth, sampleRate: parameters.sampleRateHz, channelCount: parameters.channelCount },
      };
    case "generic":
      return genericProperties(parameters);
  }
}

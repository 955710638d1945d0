// The codecs the relay knows, and what must be known of a stream before its first frame can be decoded.

export type Codec = "h264" | "h265" | "mjpeg" | "aac" | "opus" | "g711" | "lpcm" | "generic";

/** ITU-T H.264. Sets are raw NAL units without start codes; empty until known (they may come in the stream). */
export interface H264Parameters {
  readonly codec: "h264";
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

/** ITU-T H.265. Sets are raw NAL units without start codes; empty until known. */
export interface H265Parameters {
  readonly codec: "h265";
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  /** sprop-max-don-diff (RFC 7798 §7.1): above 0 the RTP packets carry decoding order numbers. */
  readonly maxDonDiff?: number;
}

/** Motion JPEG: every frame is a whole JPEG image. */
export interface MjpegParameters {
  readonly codec: "mjpeg";
}

/** MPEG-4 audio. The lengths are those of the AU header on the wire (RFC 3640 §3.3.6), in bits. */
export interface AacParameters {
  readonly codec: "aac";
  /** AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1. */
  readonly config: Buffer;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly sizeLength: number;
  readonly indexLength: number;
  readonly indexDeltaLength: number;
}

export interface OpusParameters {
  readonly codec: "opus";
  readonly channelCount: number;
}

export interface G711Parameters {
  readonly codec: "g711";
  readonly muLaw: boolean;
  readonly sampleRateHz: number;
  readonly channelCount: number;
}

/** Big-endian signed samples, channels interleaved (RFC 3551 §4.5.11, RFC 3190). */
export interface LpcmParameters {
  readonly codec: "lpcm";
  readonly bitDepth: 8 | 16 | 24;
  readonly sampleRateHz: number;
  readonly channelCount: number;
}

/** Anything else: its packets pass through unread, described to readers as the source described it. */
export interface GenericParameters {
  readonly codec: "generic";
  /** `a=rtpmap` without the payload type, e.g. `VP8/90000`; undefined for a static payload type without one. */
  readonly rtpmap: string | undefined;
  /** `a=fmtp` without the payload type. */
  readonly fmtp: string | undefined;
  /** The source's own payload type: the only name a static one has. */
  readonly payloadType: number;
}

export type Parameters =
  | H264Parameters
  | H265Parameters
  | MjpegParameters
  | AacParameters
  | OpusParameters
  | G711Parameters
  | LpcmParameters
  | GenericParameters;

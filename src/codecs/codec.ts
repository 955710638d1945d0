// The codecs the relay knows, and what must be known of a stream before its first frame can be decoded.

export type Codec =
  | "h264"
  | "h265"
  | "av1"
  | "vp9"
  | "vp8"
  | "mjpeg"
  | "mpeg4-video"
  | "mpeg1-video"
  | "aac"
  | "opus"
  | "mp3"
  | "ac3"
  | "g711"
  | "g722"
  | "g726"
  | "lpcm"
  | "klv"
  | "generic";

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

/** AV1. A frame is one temporal unit: its OBUs without temporal delimiters and without their size fields (obu_has_size_field = 0). */
export interface Av1Parameters {
  readonly codec: "av1";
  /** The sequence header OBU, undefined until it came in the stream. */
  readonly sequenceHeader?: Buffer;
  /** `a=fmtp` as the source gave it, for readers. */
  readonly fmtp?: string;
}

/** VP9. A frame is one Buffer: a whole super frame. */
export interface Vp9Parameters {
  readonly codec: "vp9";
  /** What the last keyframe's uncompressed header says; undefined until one came. */
  readonly picture?: Vp9Picture;
  /** `a=fmtp` as the source gave it, for readers. */
  readonly fmtp?: string;
}

export interface Vp9Picture {
  readonly profile: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly bitDepth: 8 | 10 | 12;
  /** As in `vpcC`: 0 4:2:0 vertical, 1 4:2:0 colocated, 2 4:2:2, 3 4:4:4. */
  readonly chromaSubsampling: 0 | 1 | 2 | 3;
  readonly fullRange: boolean;
}

/** VP8. A frame is one Buffer. */
export interface Vp8Parameters {
  readonly codec: "vp8";
  /** What the last keyframe's header says; undefined until one came. */
  readonly picture?: Vp8Picture;
  /** `a=fmtp` as the source gave it, for readers. */
  readonly fmtp?: string;
}

export interface Vp8Picture {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Motion JPEG: every frame is a whole JPEG image. */
export interface MjpegParameters {
  readonly codec: "mjpeg";
  /** Size of the last image, undefined until one came. */
  readonly picture?: { readonly widthPx: number; readonly heightPx: number };
}

/** MPEG-4 part 2 (ISO/IEC 14496-2). A frame is one Buffer with start codes: a VOP and the headers before it. */
export interface Mpeg4VideoParameters {
  readonly codec: "mpeg4-video";
  /** Visual object sequence up to the video object layer, with start codes; undefined until known. */
  readonly config?: Buffer;
}

/** MPEG-1 and MPEG-2 video (ISO/IEC 11172-2, 13818-2). A frame is one Buffer with start codes: a picture and the headers before it. */
export interface Mpeg1VideoParameters {
  readonly codec: "mpeg1-video";
  /** Sequence header and its extension, with start codes; undefined until one came. */
  readonly config?: Buffer;
}

/** MPEG-4 audio. The lengths are those of the AU header on the wire (RFC 3640 §3.3.6), in bits. */
export interface AacParameters {
  readonly codec: "aac";
  /** AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1; empty while a LATM stream that brings its own has not shown it. */
  readonly config: Buffer;
  /** RTP clock rate: the sampling rate, or 90 kHz with LATM. */
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly sizeLength: number;
  readonly indexLength: number;
  readonly indexDeltaLength: number;
  /** Carried as LATM (RFC 6416 §6): the three lengths above are unused. Frames are raw AAC all the same. */
  readonly latm?: AacLatm;
}

export interface AacLatm {
  /** StreamMuxConfig comes in the stream, too (`cpresent=1`). */
  readonly inBand: boolean;
  /** StreamMuxConfig of the SDP, ISO/IEC 14496-3 §1.7.3. */
  readonly streamMuxConfig: Buffer | undefined;
  /** `a=fmtp` as the source gave it, for readers. */
  readonly fmtp: string;
}

export interface OpusParameters {
  readonly codec: "opus";
  readonly channelCount: number;
}

/** MPEG-1 and MPEG-2 audio, layers I to III (ISO/IEC 11172-3, 13818-3). A frame is whole, with its header. */
export interface Mp3Parameters {
  readonly codec: "mp3";
  /** From the last frame's header, undefined until one came. */
  readonly sampleRateHz?: number;
  readonly channelCount?: number;
}

/** AC-3 (ETSI TS 102 366). A frame is a whole syncframe. */
export interface Ac3Parameters {
  readonly codec: "ac3";
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Fields of the last syncframe that `dac3` wants (§F.4), undefined until one came. */
  readonly syncInfo?: {
    readonly fscod: number;
    readonly bsid: number;
    readonly bsmod: number;
    readonly acmod: number;
    readonly lfeOn: boolean;
    /** frmsizecod >> 1 */
    readonly bitRateCode: number;
  };
}

export interface G711Parameters {
  readonly codec: "g711";
  readonly muLaw: boolean;
  readonly sampleRateHz: number;
  readonly channelCount: number;
}

/** ITU-T G.722, one channel: 8,000 bytes a second, each of which holds two samples of 16 kHz. */
export interface G722Parameters {
  readonly codec: "g722";
}

/** ITU-T G.726, one channel of 8 kHz. */
export interface G726Parameters {
  readonly codec: "g726";
  readonly bitRate: 16_000 | 24_000 | 32_000 | 40_000;
  /** Packed as in AAL2 (`AAL2-G726-32`): most significant bit first. */
  readonly aal2: boolean;
}

/** Key-length-value metadata (SMPTE 336M, RFC 6597). A frame is one Buffer: the KLV units of one RTP timestamp. */
export interface KlvParameters {
  readonly codec: "klv";
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
  /** `a=rtpmap` without the payload type, e.g. `GSM/8000`; undefined for a static payload type without one. */
  readonly rtpmap: string | undefined;
  /** `a=fmtp` without the payload type. */
  readonly fmtp: string | undefined;
  /** The source's own payload type: the only name a static one has. */
  readonly payloadType: number;
}

export type Parameters =
  | H264Parameters
  | H265Parameters
  | Av1Parameters
  | Vp9Parameters
  | Vp8Parameters
  | MjpegParameters
  | Mpeg4VideoParameters
  | Mpeg1VideoParameters
  | AacParameters
  | OpusParameters
  | Mp3Parameters
  | Ac3Parameters
  | G711Parameters
  | G722Parameters
  | G726Parameters
  | LpcmParameters
  | KlvParameters
  | GenericParameters;

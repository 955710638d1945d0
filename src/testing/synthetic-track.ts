// A camera's H.264 without a camera: parameter sets of a real encoder, slices with valid headers, and a frame number in each frame.
import { reorderFramesOf } from "#codecs/reorder.ts";
import type { Track } from "#relay/track.ts";
import { BurstBuilder, FRAMING_BYTES, type PacketBurst, RTP_HEADER_BYTES } from "#rtp/burst.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";

/** Constrained baseline as x264 writes it: 1920x1080, and a set with the same id for 640x360. */
export const SYNTHETIC_SETS = {
  sps: Buffer.from("6742c028d900780227e5c044000003000400000300f03c60c920", "hex"),
  pps: Buffer.from("68cb83cb20", "hex"),
  otherSps: Buffer.from("6742c01ed900a02ff97011000003000100000300320f162e48", "hex"),
} as const;

export const SYNTHETIC_CLOCK_HZ = 90_000;
/** 25 frames a second. */
export const SYNTHETIC_FRAME_TICKS = 3600;

/** `described: false`: the sets are not known beforehand. */
export function syntheticTrack({ index = 0, described = true }: { readonly index?: number; readonly described?: boolean } = {}): Track {
  const { sps, pps } = SYNTHETIC_SETS;
  const parameters = { codec: "h264", sps: described ? [sps] : [], pps: described ? [pps] : [] } as const;
  return {
    index,
    kind: "video",
    codec: "h264",
    clockRateHz: SYNTHETIC_CLOCK_HZ,
    parameters,
    reorderFrames: reorderFramesOf(parameters),
  };
}

/** G.711 A-law, mono. */
export function syntheticAudioTrack(index = 1): Track {
  const parameters = { codec: "g711", muLaw: false, sampleRateHz: 8000, channelCount: 1 } as const;
  return { index, kind: "audio", codec: "g711", clockRateHz: 8000, parameters, reorderFrames: 0 };
}

export interface SyntheticFrame {
  readonly number: number;
  readonly keyframe: boolean;
  /** NAL units without start codes. */
  readonly frame: readonly Buffer[];
  /** Ticks since frame 0. */
  readonly ptsTicks: number;
}

export interface SyntheticVideoOptions {
  readonly gopFrames?: number;
  readonly frameBytes?: number;
  /** Parameter sets before each keyframe's slice. */
  readonly inBandSets?: boolean;
  /** Largest RTP packet, header included. */
  readonly maxPacketBytes?: number;
  readonly channel?: number;
  readonly payloadType?: number;
  readonly ssrc?: number;
  readonly firstSequence?: number;
  readonly firstTimestamp?: number;
}

/** Frame after frame, with RTP numbering of its own. */
export class SyntheticVideo {
  readonly ssrc: number;
  nextSequence: number;
  readonly #options: Required<SyntheticVideoOptions>;
  #number = 0;

  constructor(options: SyntheticVideoOptions = {}) {
    this.#options = {
      gopFrames: 10,
      frameBytes: 3000,
      inBandSets: true,
      maxPacketBytes: 1400,
      channel: 0,
      payloadType: 96,
      ssrc: 0x1234_5678,
      firstSequence: 65_530,
      firstTimestamp: 0xffff_f000,
      ...options,
    };
    this.ssrc = this.#options.ssrc;
    this.nextSequence = this.#options.firstSequence;
  }

  next(): SyntheticFrame {
    const number = this.#number++;
    const { gopFrames, frameBytes, inBandSets } = this.#options;
    const keyframe = number % gopFrames === 0;
    const slice = syntheticSlice(number, keyframe, frameBytes);
    const frame = keyframe && inBandSets ? [SYNTHETIC_SETS.sps, SYNTHETIC_SETS.pps, slice] : [slice];
    return { number, keyframe, frame, ptsTicks: number * SYNTHETIC_FRAME_TICKS };
  }

  /** The packets of a frame as they go into an interleaved connection, numbered and stamped. */
  burstOf({ frame, ptsTicks }: SyntheticFrame): PacketBurst {
    const { channel, payloadType, firstTimestamp, maxPacketBytes } = this.#options;
    const builder = new BurstBuilder(channel, 4096);
    payloadFormatOf("h264").packetize(frame, syntheticTrack().parameters, maxPacketBytes - RTP_HEADER_BYTES, builder);
    const burst = builder.finish();
    for (let i = 0; i < burst.count; i++) {
      const at = burst.offsets[i]! + FRAMING_BYTES;
      burst.bytes[at + 1] = (burst.bytes[at + 1]! & 0x80) | payloadType;
      burst.bytes.writeUInt16BE(this.nextSequence, at + 2);
      burst.bytes.writeUInt32BE((ptsTicks + firstTimestamp) >>> 0, at + 4);
      burst.bytes.writeUInt32BE(this.ssrc, at + 8);
      this.nextSequence = (this.nextSequence + 1) & 0xffff;
    }
    return burst;
  }

  nextBurst(): PacketBurst {
    return this.burstOf(this.next());
  }
}

/** A session description with this one track, as a camera writes it. `sprop` given as undefined: without parameter sets. */
export function syntheticSdp(options: { readonly payloadType?: number; readonly sprop?: string | undefined } = {}): string {
  const { payloadType = 96 } = options;
  const sprop = "sprop" in options ? options.sprop : spropOfSets();
  return [
    "v=0",
    "o=- 0 0 IN IP4 127.0.0.1",
    "s=camera",
    "c=IN IP4 0.0.0.0",
    "t=0 0",
    "a=control:*",
    `m=video 0 RTP/AVP ${payloadType}`,
    `a=rtpmap:${payloadType} H264/${SYNTHETIC_CLOCK_HZ}`,
    `a=fmtp:${payloadType} packetization-mode=1${sprop === undefined ? "" : `; sprop-parameter-sets=${sprop}`}`,
    "a=control:trackID=0",
    "",
  ].join("\r\n");
}

export function spropOfSets(): string {
  return `${SYNTHETIC_SETS.sps.toString("base64")},${SYNTHETIC_SETS.pps.toString("base64")}`;
}

/** Where the number stands in a slice: behind its header. Four groups of seven bits with the top bit set, so that no start code arises. */
const NUMBER_OFFSET = 4;

function syntheticSlice(number: number, keyframe: boolean, sizeBytes: number): Buffer {
  const slice = Buffer.alloc(Math.max(sizeBytes, NUMBER_OFFSET + 4), 0xa5);
  slice[0] = keyframe ? 0x65 : 0x41; // §7.4.1: nal_ref_idc, type 5 or 1
  slice[1] = keyframe ? 0x88 : 0x9b; // §7.3.3: first_mb_in_slice ue(0), slice_type ue(7) I or ue(5) P, pic_parameter_set_id ue(0)
  for (let i = 0; i < 4; i++) slice[NUMBER_OFFSET + i] = 0x80 | ((number >> (7 * (3 - i))) & 0x7f);
  return slice;
}

/** The number in a slice NAL unit; undefined for any other. */
export function frameNumberOf(nalUnit: Buffer): number | undefined {
  const type = nalUnit[0]! & 0x1f;
  if (type !== 1 && type !== 5) return undefined;
  return readNumber(nalUnit, NUMBER_OFFSET);
}

/** The number of the frame whose slice begins in this RTP packet; undefined where none does. */
export function frameNumberOfPacket(rtp: Buffer): number | undefined {
  const type = rtp[RTP_HEADER_BYTES]! & 0x1f;
  if (type === 1 || type === 5) return readNumber(rtp, RTP_HEADER_BYTES + NUMBER_OFFSET);
  // RFC 6184 §5.8: the first fragment of a FU-A, whose two bytes stand for the slice's one
  if (type === 28 && (rtp[RTP_HEADER_BYTES + 1]! & 0x80) !== 0) return readNumber(rtp, RTP_HEADER_BYTES + 1 + NUMBER_OFFSET);
  return undefined;
}

/** Whether an IDR slice begins in this RTP packet. */
export function isKeyframePacket(rtp: Buffer): boolean {
  const type = rtp[RTP_HEADER_BYTES]! & 0x1f;
  return type === 5 || (type === 28 && (rtp[RTP_HEADER_BYTES + 1]! & 0x9f) === 0x85);
}

function readNumber(bytes: Buffer, at: number): number {
  let number = 0;
  for (let i = 0; i < 4; i++) number = number * 128 + (bytes[at + i]! & 0x7f);
  return number;
}

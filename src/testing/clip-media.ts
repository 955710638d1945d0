// The demo clip as a camera's RTP: real H.264 with a stamp in each frame, and its sound where wanted. What a reader gets of it can be checked frame by frame.
import { createHash } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import { h264NalType, isH264Slice } from "#codecs/h264/nal.ts";
import { BurstBuilder, FRAMING_BYTES, type PacketBurst, RTP_HEADER_BYTES } from "#rtp/burst.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";
import { type CameraMedia, type MediaPacket, mediaPackets } from "./camera-media.ts";
import { type Clip, loadClip } from "./clip/clip.ts";
import { type FrameStamp, readFrameStamp, writeFrameStamp } from "./frame-stamp.ts";

const VIDEO_CLOCK_HZ = 90_000; // RFC 6184 §8.2.1
const VIDEO_TYPE = 96;
const PCMA_TYPE = 8; // RFC 3551 §6

export interface ClipMediaOptions {
  /** Stamps the frames. */
  readonly clock: Clock;
  /** The sound as a second track. Default: none. */
  readonly audio?: boolean;
  /** Parameter sets before each keyframe. Default: yes. */
  readonly inBandSets?: boolean;
  /** Parameter sets in the session description. Default: yes. */
  readonly describedSets?: boolean;
  /** Frames of the clip a second; the clip plays slower or faster with others. Default: the clip's 25. */
  readonly framesPerSecond?: number;
  /** Largest RTP packet, header included. */
  readonly maxPacketBytes?: number;
  readonly ssrc?: number;
  readonly firstSequence?: number;
  readonly firstTimestamp?: number;
}

let loaded: Clip | undefined;

function clip(): Clip {
  loaded ??= loadClip();
  return loaded;
}

/** One connection's media: it begins with a keyframe, whenever that is, and loops without a seam. Timestamps follow the frame's number. */
export class ClipMedia implements CameraMedia {
  readonly sdp: string;
  readonly ssrc: number;
  nextSequence: number;
  readonly #options: Required<ClipMediaOptions>;
  /** The frame of the camera that the clip's first frame stands for. */
  #firstFrame: number | undefined;
  #audioSequence = 0;

  constructor(options: ClipMediaOptions) {
    this.#options = {
      audio: false,
      inBandSets: true,
      describedSets: true,
      framesPerSecond: clip().fps,
      maxPacketBytes: 1400,
      ssrc: 0x5678_1234,
      firstSequence: 65_500, // wraps soon
      firstTimestamp: 0xffff_0000, // wraps soon
      ...options,
    };
    this.ssrc = this.#options.ssrc;
    this.nextSequence = this.#options.firstSequence;
    this.sdp = clipSdp(this.#options);
  }

  next(frame: number): readonly MediaPacket[] {
    const video = mediaPackets(0, this.#videoBurst(frame));
    return this.#options.audio ? [...video, this.#audioPacket(frame)] : video;
  }

  #videoBurst(frame: number): PacketBurst {
    const { clock, inBandSets, maxPacketBytes, framesPerSecond, firstTimestamp } = this.#options;
    const { frames, sps, pps } = clip();
    const clipFrame = this.#clipFrame(frame);
    const nals = frames[clipFrame]!.nals.filter((nal) => inBandSets || isH264Slice(h264NalType(nal[0]!)));
    const stamp = writeFrameStamp({ number: frame, captureUs: clock.nowUs(), clipFrame });
    const builder = new BurstBuilder(0, 4096);
    const parameters = { codec: "h264", sps: [sps], pps: [pps] } as const;
    const stamped = [...nals.slice(0, -1), stamp, nals.at(-1)!]; // SEI stands before the slice: H.264 §7.4.1.2.3
    payloadFormatOf("h264").packetize(stamped, parameters, maxPacketBytes - RTP_HEADER_BYTES, builder);
    const burst = builder.finish();
    const timestamp = (Math.round((frame * VIDEO_CLOCK_HZ) / framesPerSecond) + firstTimestamp) >>> 0;
    for (let i = 0; i < burst.count; i++) {
      const at = burst.offsets[i]! + FRAMING_BYTES;
      burst.bytes[at + 1] = (burst.bytes[at + 1]! & 0x80) | VIDEO_TYPE;
      burst.bytes.writeUInt16BE(this.nextSequence, at + 2);
      burst.bytes.writeUInt32BE(timestamp, at + 4);
      burst.bytes.writeUInt32BE(this.ssrc, at + 8);
      this.nextSequence = (this.nextSequence + 1) & 0xffff;
    }
    return burst;
  }

  #audioPacket(frame: number): MediaPacket {
    const { audio, audioSampleRateHz, fps } = clip();
    const frameBytes = audioSampleRateHz / fps; // A-law: a byte a sample
    const at = this.#clipFrame(frame) * frameBytes;
    const bytes = Buffer.alloc(RTP_HEADER_BYTES + frameBytes);
    bytes[0] = 0x80; // RFC 3550 §5.1 version 2
    bytes[1] = PCMA_TYPE;
    bytes.writeUInt16BE(this.#audioSequence, 2);
    bytes.writeUInt32BE((frame * frameBytes) >>> 0, 4);
    bytes.writeUInt32BE((this.ssrc + 1) >>> 0, 8);
    audio.copy(bytes, RTP_HEADER_BYTES, at, at + frameBytes);
    this.#audioSequence = (this.#audioSequence + 1) & 0xffff;
    return { track: 1, isRtcp: false, bytes };
  }

  #clipFrame(frame: number): number {
    this.#firstFrame ??= frame;
    return (frame - this.#firstFrame) % clip().frames.length;
  }
}

/** The stamp among the NAL units of a frame. */
export function stampOf(nals: readonly Buffer[]): FrameStamp | undefined {
  for (const nal of nals) {
    const stamp = readFrameStamp(nal);
    if (stamp !== undefined) return stamp;
  }
  return undefined;
}

/** Hash of the slices among the NAL units of a frame: what a decoder would show. */
export function sliceHash(nals: readonly Buffer[]): string {
  const hash = createHash("sha1");
  for (const nal of nals) if (isH264Slice(h264NalType(nal[0]!))) hash.update(nal);
  return hash.digest("hex");
}

/** Whether a stamped frame came through as the clip has it, every byte of its slices. */
export function isIntact(nals: readonly Buffer[], { clipFrame }: FrameStamp): boolean {
  const original = clip().frames[clipFrame];
  return original !== undefined && sliceHash(nals) === sliceHash(original.nals);
}

/** The session description of the clip's tracks, as a camera writes it. */
export function clipSdp({ audio = false, describedSets = true }: Pick<ClipMediaOptions, "audio" | "describedSets"> = {}): string {
  const { sps, pps } = clip();
  const sprop = describedSets ? `; sprop-parameter-sets=${sps.toString("base64")},${pps.toString("base64")}` : "";
  const sound = ["m=audio 0 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=control:trackID=1"];
  return [
    "v=0",
    "o=- 0 0 IN IP4 127.0.0.1",
    "s=camera",
    "c=IN IP4 0.0.0.0",
    "t=0 0",
    "a=control:*",
    `m=video 0 RTP/AVP ${VIDEO_TYPE}`,
    `a=rtpmap:${VIDEO_TYPE} H264/${VIDEO_CLOCK_HZ}`,
    `a=fmtp:${VIDEO_TYPE} packetization-mode=1${sprop}`,
    "a=control:trackID=0",
    ...(audio ? sound : []),
    "",
  ].join("\r\n");
}

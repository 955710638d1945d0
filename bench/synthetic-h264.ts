// A synthetic 1080p camera: H.264 over RTP (RFC 6184) at a steady bit rate. The pictures are noise; every header is right.

/** The load where nothing else is said: 1080p, 4 Mbit/s, 30 frames a second, a keyframe every two seconds. */
export const CAMERA_LOAD = { bitsPerSecond: 4_000_000, framesPerSecond: 30, gopFrames: 60, keyframeBytes: 120_000 } as const;

const RTP_HEADER_BYTES = 12;
const FRAMING_BYTES = 4; // RFC 2326 §10.12
const CLOCK_RATE_HZ = 90_000; // RFC 6184 §8.2.1
const PAYLOAD_TYPE = 96;
/** Bytes of slice data a packet: with both headers well below any udpMaxPayloadSize. 12 packets make an ordinary frame. */
const SLICE_BYTES_PER_PACKET = 1250;
/** Where a packet carries the time it was sent at, counted from the start of its slice data. */
const SENT_AT_OFFSET = 8;
const SENT_AT_BYTES = 8;
/** Room for that time in the last fragment of a frame too. */
const MIN_SLICE_BYTES = 64;

// Constrained baseline, level 4.0, 1920x1080, as x264 writes them.
const SPS = Buffer.from("6742c028d900780227e5c044000003000400000300f03c60c920", "hex");
const PPS = Buffer.from("68cb83cb20", "hex");

/** The SDP of the camera, as ANNOUNCE sends it. */
export function cameraSdp(): string {
  const sets = `${SPS.toString("base64")},${PPS.toString("base64")}`;
  return [
    "v=0",
    "o=- 0 0 IN IP4 127.0.0.1",
    "s=bench",
    "c=IN IP4 127.0.0.1",
    "t=0 0",
    `m=video 0 RTP/AVP ${PAYLOAD_TYPE}`,
    `a=rtpmap:${PAYLOAD_TYPE} H264/${CLOCK_RATE_HZ}`,
    `a=fmtp:${PAYLOAD_TYPE} packetization-mode=1;profile-level-id=${SPS.subarray(1, 4).toString("hex")};sprop-parameter-sets=${sets}`,
    "a=control:trackID=0",
    "",
  ].join("\r\n");
}

/** One frame as the bytes that go to a socket: every packet as `$` channel length RTP. */
export interface CameraFrame {
  readonly bytes: Buffer;
  /** Where each `$` stands, and the end: RTP packet i is offsets[i] + 4 … offsets[i + 1]. */
  readonly offsets: readonly number[];
}

export interface CameraOptions {
  /** Tells cameras apart: their SSRC and their noise. */
  readonly seed?: number;
  readonly gopFrames?: number;
  /** Where in its GOP the camera begins, in frames. */
  readonly firstFrame?: number;
}

/** Makes frame after frame. */
export class SyntheticCamera {
  #sequence = 1000;
  #frame: number;
  readonly #gopFrames: number;
  readonly #ssrc: number;
  readonly #noise: Buffer;
  readonly #sizes: ReturnType<typeof frameSizes>;

  constructor({ seed = 1, gopFrames = CAMERA_LOAD.gopFrames, firstFrame = 0 }: CameraOptions = {}) {
    this.#frame = firstFrame;
    this.#gopFrames = gopFrames;
    this.#ssrc = 0x10000 + seed;
    this.#noise = noise(CAMERA_LOAD.keyframeBytes + 4096, seed);
    this.#sizes = frameSizes(gopFrames);
  }

  /** The next frame. `sentAtUs`: CLOCK_MONOTONIC of this machine, stamped into each of its packets. */
  next(sentAtUs: number): CameraFrame {
    const keyframe = this.#frame % this.#gopFrames === 0;
    const sliceBytes = keyframe ? this.#sizes.keyframeBytes : this.#sizes.interFrameBytes;
    const fragments = Math.ceil(sliceBytes / SLICE_BYTES_PER_PACKET);
    const perPacket = FRAMING_BYTES + RTP_HEADER_BYTES;
    const setsBytes = keyframe ? 2 * perPacket + SPS.length + PPS.length : 0;
    const out = Buffer.allocUnsafe(setsBytes + sliceBytes + fragments * (perPacket + 2));
    const timestamp = Math.round((this.#frame * CLOCK_RATE_HZ) / CAMERA_LOAD.framesPerSecond) >>> 0;
    const offsets: number[] = [];
    let at = 0;

    if (keyframe) {
      for (const set of [SPS, PPS]) {
        offsets.push(at);
        at = this.#header(out, at, set.length, timestamp, false);
        at += set.copy(out, at);
      }
    }
    for (let i = 0; i < fragments; i += 1) {
      const from = i * SLICE_BYTES_PER_PACKET;
      const size = Math.min(SLICE_BYTES_PER_PACKET, sliceBytes - from);
      const last = i === fragments - 1;
      offsets.push(at);
      at = this.#header(out, at, 2 + size, timestamp, last);
      out[at] = 0x60 | 28; // §5.8 FU indicator: NRI 3, FU-A
      out[at + 1] = (i === 0 ? 0x80 : 0) | (last ? 0x40 : 0) | (keyframe ? 5 : 1); // FU header: S, E, NAL unit type
      this.#noise.copy(out, at + 2, from, from + size);
      // H.264 §7.3.3: first_mb_in_slice ue(0), slice_type ue(7) I or ue(5) P, pic_parameter_set_id ue(0)
      if (i === 0) out[at + 2] = keyframe ? 0x88 : 0x9b;
      writeSentAt(out, at + 2 + SENT_AT_OFFSET, sentAtUs);
      at += 2 + size;
    }
    this.#frame += 1;
    return { bytes: out, offsets: [...offsets, at] };
  }

  #header(out: Buffer, at: number, payloadBytes: number, timestamp: number, marker: boolean): number {
    out[at] = 0x24; // `$`
    out[at + 1] = 0; // channel
    out.writeUInt16BE(RTP_HEADER_BYTES + payloadBytes, at + 2);
    out[at + 4] = 0x80; // RFC 3550 §5.1: version 2
    out[at + 5] = (marker ? 0x80 : 0) | PAYLOAD_TYPE;
    out.writeUInt16BE(this.#sequence & 0xffff, at + 6);
    out.writeUInt32BE(timestamp, at + 8);
    out.writeUInt32BE(this.#ssrc, at + 12);
    this.#sequence += 1;
    return at + FRAMING_BYTES + RTP_HEADER_BYTES;
  }
}

/** Stamps packets `from` to `to` (exclusive) of a frame anew: they leave later than the others. */
export function restamp(frame: CameraFrame, from: number, to: number, sentAtUs: number): void {
  for (let i = from; i < to; i += 1) {
    const rtp = frame.offsets[i]! + FRAMING_BYTES;
    if (isFragment(frame.bytes, rtp)) writeSentAt(frame.bytes, rtp + RTP_HEADER_BYTES + 2 + SENT_AT_OFFSET, sentAtUs);
  }
}

export interface CameraPacket {
  readonly keyframe: boolean;
  /** The first, and the last packet of the picture. */
  readonly first: boolean;
  readonly marker: boolean;
  readonly sentAtUs: number;
}

/** What one RTP packet of a SyntheticCamera says, or undefined where it is no slice of it. */
export function readCameraPacket(rtp: Buffer): CameraPacket | undefined {
  if (rtp.length < RTP_HEADER_BYTES + 2 + MIN_SLICE_BYTES || !isFragment(rtp, 0)) return undefined;
  return {
    keyframe: (rtp[RTP_HEADER_BYTES + 1]! & 0x1f) === 5,
    first: (rtp[RTP_HEADER_BYTES + 1]! & 0x80) !== 0,
    marker: (rtp[1]! & 0x80) !== 0,
    sentAtUs: readSentAt(rtp, RTP_HEADER_BYTES + 2 + SENT_AT_OFFSET),
  };
}

function isFragment(bytes: Buffer, rtp: number): boolean {
  return (bytes[rtp + RTP_HEADER_BYTES]! & 0x1f) === 28;
}

/** Seven bits a byte below a set one, the lowest first: no zero byte that could be part of a start code. */
function writeSentAt(out: Buffer, at: number, sentAtUs: number): void {
  let left = Math.round(sentAtUs);
  for (let i = 0; i < SENT_AT_BYTES; i += 1) {
    out[at + i] = 0x80 | (left % 128);
    left = Math.floor(left / 128);
  }
}

function readSentAt(bytes: Buffer, at: number): number {
  let sentAtUs = 0;
  for (let i = SENT_AT_BYTES - 1; i >= 0; i -= 1) sentAtUs = sentAtUs * 128 + (bytes[at + i]! & 0x7f);
  return sentAtUs;
}

/** A keyframe and the frames between two of them, so that the bit rate comes out. A short GOP has smaller keyframes. */
function frameSizes(gopFrames: number): { keyframeBytes: number; interFrameBytes: number } {
  const gopBytes = (CAMERA_LOAD.bitsPerSecond / 8 / CAMERA_LOAD.framesPerSecond) * gopFrames;
  const keyframeBytes = gopFrames === 1 ? gopBytes : Math.min(CAMERA_LOAD.keyframeBytes, gopBytes / 2);
  return {
    keyframeBytes: inWholePackets(keyframeBytes),
    interFrameBytes: inWholePackets((gopBytes - keyframeBytes) / Math.max(1, gopFrames - 1)),
  };
}

/** Without a last packet that has no room for its stamp. */
function inWholePackets(bytes: number): number {
  const inLastPacket = Math.round(bytes) % SLICE_BYTES_PER_PACKET;
  return inLastPacket < MIN_SLICE_BYTES ? Math.round(bytes) - inLastPacket : Math.round(bytes);
}

/** Repeatable noise without a zero byte: nothing in it looks like a start code. */
function noise(sizeBytes: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let i = 0; i < sizeBytes; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 0xff || 1;
  }
  return bytes;
}

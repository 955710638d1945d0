// A synthetic 1080p camera: H.264 over RTP (RFC 6184) at a steady bit rate. The pictures are noise; every header is right.

/** The load where nothing else is said: 1080p, 4 Mbit/s, 30 frames a second, a keyframe every two seconds. */
export const CAMERA_LOAD = { bitsPerSecond: 4_000_000, framesPerSecond: 30, gopFrames: 60, keyframeBytes: 120_000 } as const;

const RTP_HEADER_BYTES = 12;
const FRAMING_BYTES = 4; // RFC 2326 §10.12
const CLOCK_RATE_HZ = 90_000; // RFC 6184 §8.2.1
const PAYLOAD_TYPE = 96;
/** Bytes of slice data a packet: with both headers well below any udpMaxPayloadSize. 12 packets make an ordinary frame. */
const SLICE_BYTES_PER_PACKET = 1250;
/** Where a frame carries the time it was sent at, counted from the start of its first fragment's slice data. */
const SENT_AT_OFFSET = 8;

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

/** Makes frame after frame as the bytes that go to the socket: every packet as `$` channel length RTP. */
export class SyntheticCamera {
  #sequence = 1000;
  #frame = 0;
  readonly #ssrc: number;
  readonly #noise: Buffer;
  readonly #interFrameBytes: number;

  constructor(seed = 1) {
    this.#ssrc = 0x10000 + seed;
    this.#noise = noise(CAMERA_LOAD.keyframeBytes + 4096, seed);
    const gopBytes = (CAMERA_LOAD.bitsPerSecond / 8 / CAMERA_LOAD.framesPerSecond) * CAMERA_LOAD.gopFrames;
    this.#interFrameBytes = Math.round((gopBytes - CAMERA_LOAD.keyframeBytes) / (CAMERA_LOAD.gopFrames - 1));
  }

  /** The next frame. `sentAtUs`: CLOCK_MONOTONIC of this machine, read back by `sentAtUsOf`. */
  next(sentAtUs: number): Buffer {
    const keyframe = this.#frame % CAMERA_LOAD.gopFrames === 0;
    const sliceBytes = keyframe ? CAMERA_LOAD.keyframeBytes : this.#interFrameBytes;
    const fragments = Math.ceil(sliceBytes / SLICE_BYTES_PER_PACKET);
    const perPacket = FRAMING_BYTES + RTP_HEADER_BYTES;
    const setsBytes = keyframe ? 2 * perPacket + SPS.length + PPS.length : 0;
    const out = Buffer.allocUnsafe(setsBytes + sliceBytes + fragments * (perPacket + 2));
    const timestamp = Math.round((this.#frame * CLOCK_RATE_HZ) / CAMERA_LOAD.framesPerSecond) >>> 0;
    let at = 0;

    if (keyframe) {
      for (const set of [SPS, PPS]) {
        at = this.#header(out, at, set.length, timestamp, false);
        at += set.copy(out, at);
      }
    }
    for (let i = 0; i < fragments; i += 1) {
      const from = i * SLICE_BYTES_PER_PACKET;
      const size = Math.min(SLICE_BYTES_PER_PACKET, sliceBytes - from);
      const last = i === fragments - 1;
      at = this.#header(out, at, 2 + size, timestamp, last);
      out[at] = 0x60 | 28; // §5.8 FU indicator: NRI 3, FU-A
      out[at + 1] = (i === 0 ? 0x80 : 0) | (last ? 0x40 : 0) | (keyframe ? 5 : 1); // FU header: S, E, NAL unit type
      this.#noise.copy(out, at + 2, from, from + size);
      if (i === 0) writeSliceStart(out, at + 2, keyframe, sentAtUs);
      at += 2 + size;
    }
    this.#frame += 1;
    return out;
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

/** What one RTP packet of a SyntheticCamera says, or undefined where it is no slice of it. */
export function readCameraPacket(rtp: Buffer): { keyframe: boolean; marker: boolean; sentAtUs: number | undefined } | undefined {
  if (rtp.length < RTP_HEADER_BYTES + 2 || (rtp[12]! & 0x1f) !== 28) return undefined;
  const start = (rtp[13]! & 0x80) !== 0;
  const sentAt = RTP_HEADER_BYTES + 2 + SENT_AT_OFFSET;
  const sentAtUs = start && rtp.length >= sentAt + 8 ? Number(rtp.readBigUInt64BE(sentAt) & ~TAG_MASK) : undefined;
  return { keyframe: (rtp[13]! & 0x1f) === 5, marker: (rtp[1]! & 0x80) !== 0, sentAtUs };
}

// The top byte is not zero, so that no start code can arise from a small time.
const TAG_MASK = 0xffn << 56n;

function writeSliceStart(out: Buffer, at: number, keyframe: boolean, sentAtUs: number): void {
  // H.264 §7.3.3: first_mb_in_slice ue(0), slice_type ue(7) I or ue(5) P, pic_parameter_set_id ue(0)
  out[at] = keyframe ? 0x88 : 0x9b;
  out.writeBigUInt64BE(TAG_MASK | BigInt(Math.round(sentAtUs)), at + SENT_AT_OFFSET);
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

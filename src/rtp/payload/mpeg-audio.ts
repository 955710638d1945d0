// RTP payload for MPEG-1 and MPEG-2 audio, RFC 2250 §3.5: whole frames of layers I to III, or a piece of one, behind four bytes.
import type { Mp3Parameters, Parameters } from "#codecs/codec.ts";
import { frameTicks } from "#codecs/frame-ticks.ts";
import { MAX_MP3_FRAME_BYTES, parseMp3Header } from "#codecs/mp3/header.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import { type FormatDescription, PacketHas, type PayloadFormat } from "./payload-format.ts";

/** §3.5: 16 bits that must be zero, then Frag_offset. */
const HEADER_BYTES = 4;
/** More than one packet ever holds. */
const MAX_FRAMES = 256;

/** Whatever cannot be read is a frame of its own: it passes through at once. */
function inspect(bytes: Buffer, start: number, end: number): number {
  if (end <= start) return 0;
  const body = start + HEADER_BYTES;
  const has = PacketHas.slice | PacketHas.keyframe;
  if (body >= end) return has | PacketHas.end;
  // The end of a frame in pieces shows only in the next timestamp.
  if (bytes.readUInt16BE(start + 2) > 0) return has;
  const header = parseMp3Header(bytes, body);
  return header !== undefined && header.frameBytes > end - body ? has : has | PacketHas.end;
}

/** A frame in pieces, §3.5: each says where in the frame it belongs. */
interface OpenFrame {
  readonly sizeBytes: number;
  readonly parts: Buffer[];
  haveBytes: number;
}

function depacketize(burst: PacketBurst): readonly Buffer[] | undefined {
  const cursor = new PayloadCursor(burst);
  const { bytes } = cursor;
  const frames: Buffer[] = [];
  let open: OpenFrame | undefined;
  while (cursor.next()) {
    if (!cursor.continuous) open = undefined;
    let at = cursor.start + HEADER_BYTES;
    if (at >= cursor.end) continue;
    const offset = bytes.readUInt16BE(cursor.start + 2);
    if (offset === 0) open = undefined;
    while (offset === 0 && at < cursor.end && frames.length < MAX_FRAMES) {
      const header = parseMp3Header(bytes, at);
      if (header === undefined) break;
      if (at + header.frameBytes > cursor.end) {
        if (at === cursor.start + HEADER_BYTES) open = { sizeBytes: header.frameBytes, parts: [], haveBytes: 0 };
        break;
      }
      frames.push(bytes.subarray(at, at + header.frameBytes));
      at += header.frameBytes;
    }
    if (open === undefined || open.haveBytes !== offset) {
      open = undefined;
      continue;
    }
    open.parts.push(bytes.subarray(at, cursor.end));
    open.haveBytes += cursor.end - at;
    if (open.haveBytes === open.sizeBytes && frames.length < MAX_FRAMES) frames.push(Buffer.concat(open.parts, open.sizeBytes));
    if (open.haveBytes >= open.sizeBytes) open = undefined;
  }
  return frames.length > 0 ? frames : undefined;
}

/** As many whole frames as fit share a packet; one that is larger than a packet is cut, each piece with the frame's time. */
function packetize(frame: readonly Buffer[], parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  const room = maxPayloadBytes - HEADER_BYTES;
  if (parameters.codec !== "mp3" || room < 1) return;
  let ticks = 0;
  for (let first = 0; first < frame.length; ) {
    const startTicks = ticks;
    let end = first;
    let sizeBytes = 0;
    for (; end < frame.length && (end === first || sizeBytes + frame[end]!.length <= room); end++) {
      sizeBytes += frame[end]!.length;
      ticks += frameTicks(parameters, frame[end]!);
    }
    const whole = frame.slice(first, end);
    first = end;
    if (sizeBytes > MAX_MP3_FRAME_BYTES && sizeBytes > room) continue; // no frame
    for (let at = 0; at < sizeBytes; at += room) {
      const to = out.add(HEADER_BYTES + Math.min(room, sizeBytes - at), false, startTicks);
      out.bytes.writeUInt32BE(at, to);
      copyAll(whole, at, out.bytes, to + HEADER_BYTES, Math.min(room, sizeBytes - at));
    }
  }
}

/** Several frames are copied as a whole, a part of one from `from` on. */
function copyAll(frames: readonly Buffer[], from: number, target: Buffer, to: number, sizeBytes: number): void {
  if (frames.length === 1) frames[0]!.copy(target, to, from, from + sizeBytes);
  else for (const frame of frames) to += frame.copy(target, to);
}

function withHeader(bytes: Buffer, at: number, known: Mp3Parameters): Mp3Parameters | undefined {
  const header = parseMp3Header(bytes, at);
  if (header === undefined) return undefined;
  const { sampleRateHz, channelCount } = header;
  return sampleRateHz === known.sampleRateHz && channelCount === known.channelCount
    ? undefined
    : { codec: "mp3", sampleRateHz, channelCount };
}

export const mpegAudioPayload: PayloadFormat = {
  codec: "mp3",
  // §3.5: the marker bit begins a talk spurt.
  frameEnd: "payload",
  inspect,
  depacketize,
  packetize,
  readParameters(frame, known) {
    const last = frame.at(-1);
    return known.codec === "mp3" && last !== undefined ? withHeader(last, 0, known) : undefined;
  },
  readBurst(burst, known) {
    const cursor = new PayloadCursor(burst);
    if (known.codec !== "mp3" || !cursor.next() || cursor.end - cursor.start < HEADER_BYTES) return undefined;
    if (cursor.bytes.readUInt16BE(cursor.start + 2) !== 0) return undefined;
    return withHeader(cursor.bytes, cursor.start + HEADER_BYTES, known);
  },
};

/** RFC 3551 table 4: payload type 14. */
export function describeMpegAudio(): FormatDescription {
  return { payloadType: 14, rtpmap: "MPA/90000", fmtp: undefined };
}

export function mpegAudioFromSdp(): Mp3Parameters {
  return { codec: "mp3" };
}

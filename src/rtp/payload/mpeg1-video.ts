// RTP payload for MPEG-1 and MPEG-2 video, RFC 2250 §3.4: a header of four bytes, then the elementary stream, cut between slices.
import { isStartCode, nextStartCode } from "#codecs/annex-b.ts";
import type { Mpeg1VideoParameters, Parameters } from "#codecs/codec.ts";
import { MAX_FRAME_BYTES } from "#codecs/limits.ts";
import {
  findMpegPicture,
  isMpegSlice,
  MpegPictureType,
  MpegStartCode,
  mpegPictureType,
  mpegVideoConfig,
} from "#codecs/mpeg1-video/headers.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import { type FormatDescription, PacketHas, type PayloadFormat } from "./payload-format.ts";

const HEADER_BYTES = 4;
/** §3.4: T, in the first byte: four more bytes of header for MPEG-2. */
const HAS_EXTENSION = 0x04;
/** §3.4, in the third byte: sequence header present, begin and end of slice. */
const SEQUENCE = 0x20;
const BEGIN = 0x10;
const END = 0x08;

function bodyOf(bytes: Buffer, start: number): number {
  return start + HEADER_BYTES + ((bytes[start]! & HAS_EXTENSION) === 0 ? 0 : 4);
}

/** §3.1: headers stand at the beginning of a packet. The payload is asked, not its header: some senders leave that at zero. */
function inspect(bytes: Buffer, start: number, end: number): number {
  const body = bodyOf(bytes, start);
  if (body >= end) return 0;
  if (!isStartCode(bytes, body, end)) return PacketHas.slice;
  let has = 0;
  for (let at = nextStartCode(bytes, body, end); at + 3 < end; at = nextStartCode(bytes, at + 3, end)) {
    const code = bytes[at + 3]!;
    if (isMpegSlice(code)) return has | PacketHas.slice;
    if (code === MpegStartCode.sequenceHeader) has |= PacketHas.parameters;
    else if (code === MpegStartCode.picture) {
      has |= PacketHas.slice;
      if (at + 5 < end && mpegPictureType(bytes, at) === MpegPictureType.intra) has |= PacketHas.keyframe;
    }
  }
  return has;
}

/** One picture and the headers before it, or undefined when a packet of it is missing. */
function depacketize(burst: PacketBurst): readonly Buffer[] | undefined {
  const cursor = new PayloadCursor(burst);
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  let marker = false;
  while (cursor.next()) {
    const body = bodyOf(cursor.bytes, cursor.start);
    if (!cursor.continuous || body > cursor.end) return undefined;
    parts.push(cursor.bytes.subarray(body, cursor.end));
    sizeBytes += cursor.end - body;
    marker = cursor.marker;
  }
  if (!marker || sizeBytes > MAX_FRAME_BYTES) return undefined;
  const frame = parts.length === 1 ? parts[0]! : Buffer.concat(parts, sizeBytes);
  return isStartCode(frame, 0, frame.length) && findMpegPicture(frame, 0, frame.length) < frame.length ? [frame] : undefined;
}

/** What the packets of one picture have in common: TR, P, FBV, BFC, FFV and FFC of §3.4, from the picture header at `at`. */
function pictureHeader(frame: Buffer, at: number): number {
  const type = mpegPictureType(frame, at);
  const temporalReference = frame.readUInt16BE(at + 4) >> 6;
  let vectors = 0;
  // ISO/IEC 11172-2 §2.4.2.5: vbv_delay ends in bit 29 behind the start code; vectors of P and B follow.
  if ((type === MpegPictureType.predicted || type === MpegPictureType.bidirectional) && at + 9 <= frame.length) {
    const bits = frame.readUInt16BE(at + 7);
    vectors = (bits >> 7) & 0x0f;
    if (type === MpegPictureType.bidirectional) vectors |= ((bits >> 3) & 0x0f) << 4;
  }
  return (temporalReference << 16) | (type << 8) | vectors;
}

/** Where slices begin, but for the first, and the end of the frame. */
function sliceBoundaries(frame: Buffer): number[] {
  const boundaries: number[] = [];
  let isFirst = true;
  for (let at = nextStartCode(frame, 0, frame.length); at + 3 < frame.length; at = nextStartCode(frame, at + 3, frame.length)) {
    if (!isMpegSlice(frame[at + 3]!)) continue;
    if (!isFirst) boundaries.push(at);
    isFirst = false;
  }
  boundaries.push(frame.length);
  return boundaries;
}

/** §3.1: whole slices share a packet, and so do the headers and what fits behind them; the rest of a slice that was cut stands alone. */
function packetize(frame: readonly Buffer[], _parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  const [picture] = frame;
  const room = maxPayloadBytes - HEADER_BYTES;
  if (picture === undefined || room < 1) return;
  const pictureAt = findMpegPicture(picture, 0, picture.length);
  if (pictureAt === picture.length) return;
  const common = pictureHeader(picture, pictureAt);
  const hasSequence = mpegVideoConfig(picture) !== undefined;
  const boundaries = sliceBoundaries(picture);
  let next = 0; // the first boundary behind `at`
  let atBoundary = true;
  for (let at = 0; at < picture.length; ) {
    let end = Math.min(at + room, boundaries[next]!);
    if (atBoundary) while (next + 1 < boundaries.length && boundaries[next + 1]! <= at + room) end = boundaries[++next]!;
    const endsSlice = end === boundaries[next];
    const flags = (at === 0 && hasSequence ? SEQUENCE : 0) | (atBoundary ? BEGIN : 0) | (endsSlice ? END : 0);
    const to = out.add(HEADER_BYTES + end - at, end === picture.length);
    out.bytes.writeUInt32BE(common | (flags << 8), to);
    picture.copy(out.bytes, to + HEADER_BYTES, at, end);
    if (endsSlice) next++;
    atBoundary = endsSlice;
    at = end;
  }
}

export const mpeg1VideoPayload: PayloadFormat = {
  codec: "mpeg1-video",
  frameEnd: "marker",
  inspect,
  depacketize,
  packetize,
  readParameters(frame, known) {
    if (known.codec !== "mpeg1-video" || frame[0] === undefined) return undefined;
    const config = mpegVideoConfig(frame[0]);
    return config === undefined || known.config?.equals(config) ? undefined : { codec: "mpeg1-video", config };
  },
};

/** RFC 3551 table 5: payload type 32. The sequence header comes in the stream only. */
export function describeMpeg1Video(): FormatDescription {
  return { payloadType: 32, rtpmap: "MPV/90000", fmtp: undefined };
}

export function mpeg1VideoFromSdp(): Mpeg1VideoParameters {
  return { codec: "mpeg1-video" };
}

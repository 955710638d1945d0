// RTP payload for VP8, RFC 7741: a descriptor before each piece of a frame.
import type { Parameters, Vp8Parameters } from "#codecs/codec.ts";
import { MAX_FRAME_BYTES } from "#codecs/limits.ts";
import { parseVp8Picture, startsVp8Keyframe } from "#codecs/vp8/header.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import { type FormatDescription, PacketHas, type PayloadFormat } from "./payload-format.ts";

/** Bits of the descriptor's first byte, §4.2. */
const EXTENDED = 0x80;
const START_OF_PARTITION = 0x10;
const PARTITION = 0x0f; // with a reserved bit that is 0
/** Bits of the extension byte. */
const PICTURE_ID = 0x80;
const TL0_PICTURE_INDEX = 0x40;
const TEMPORAL_LAYER = 0x20;
const KEY_INDEX = 0x10;
/** The picture id has 15 bits. */
const LONG_PICTURE_ID = 0x80;

/** Where the frame's bytes begin in the payload at start … end; `end` or more when there are none. */
function bodyOf(bytes: Buffer, start: number, end: number): number {
  if ((bytes[start]! & EXTENDED) === 0) return start + 1;
  if (start + 1 >= end) return end;
  const extension = bytes[start + 1]!;
  let at = start + 2;
  if ((extension & PICTURE_ID) !== 0) at += at < end && (bytes[at]! & LONG_PICTURE_ID) !== 0 ? 2 : 1;
  if ((extension & TL0_PICTURE_INDEX) !== 0) at++;
  if ((extension & (TEMPORAL_LAYER | KEY_INDEX)) !== 0) at++;
  return at;
}

function beginsFrame(bytes: Buffer, start: number): boolean {
  return (bytes[start]! & (START_OF_PARTITION | PARTITION)) === START_OF_PARTITION;
}

function inspect(bytes: Buffer, start: number, end: number): number {
  if (end <= start) return 0;
  const body = bodyOf(bytes, start, end);
  if (body >= end) return 0;
  const isKeyframe = beginsFrame(bytes, start) && startsVp8Keyframe(bytes, body, end);
  return isKeyframe ? PacketHas.slice | PacketHas.keyframe | PacketHas.parameters : PacketHas.slice;
}

/** One frame, or undefined when a packet of it is missing: only the marker bit shows that the last one is there. */
function depacketize(burst: PacketBurst): readonly Buffer[] | undefined {
  const cursor = new PayloadCursor(burst);
  const { bytes } = cursor;
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  let ended = false;
  while (cursor.next()) {
    const body = bodyOf(bytes, cursor.start, cursor.end);
    if (ended || !cursor.continuous || body >= cursor.end || beginsFrame(bytes, cursor.start) !== (parts.length === 0)) return undefined;
    parts.push(bytes.subarray(body, cursor.end));
    sizeBytes += cursor.end - body;
    ended = cursor.marker;
  }
  if (!ended || sizeBytes > MAX_FRAME_BYTES) return undefined;
  return [parts.length === 1 ? parts[0]! : Buffer.concat(parts, sizeBytes)];
}

/** A descriptor of one byte; partitions are not told apart (§4.4 lets a packet hold several). */
function packetize(frame: readonly Buffer[], _parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  const [picture] = frame;
  const room = maxPayloadBytes - 1;
  if (picture === undefined || room < 1) return;
  for (let at = 0; at < picture.length; ) {
    const size = Math.min(room, picture.length - at);
    const to = out.add(1 + size, at + size === picture.length);
    out.bytes[to] = at === 0 ? START_OF_PARTITION : 0;
    at += picture.copy(out.bytes, to + 1, at, at + size);
  }
}

export const vp8Payload: PayloadFormat = {
  codec: "vp8",
  frameEnd: "marker",
  inspect,
  depacketize,
  packetize,
  readParameters(frame, known) {
    if (known.codec !== "vp8" || frame[0] === undefined) return undefined;
    const picture = parseVp8Picture(frame[0]);
    if (picture === undefined) return undefined;
    const same = picture.widthPx === known.picture?.widthPx && picture.heightPx === known.picture.heightPx;
    return same ? undefined : { ...known, picture };
  },
};

export function describeVp8({ fmtp }: Vp8Parameters): FormatDescription {
  return { payloadType: undefined, rtpmap: "VP8/90000", fmtp };
}

export function vp8FromSdp({ fmtp }: FormatDescription): Vp8Parameters {
  return fmtp === undefined ? { codec: "vp8" } : { codec: "vp8", fmtp };
}

// RTP payload for VP9, RFC 9628: a descriptor before each piece of a frame, in flexible and non-flexible mode.
import type { Parameters, Vp9Parameters } from "#codecs/codec.ts";
import { MAX_FRAME_BYTES } from "#codecs/limits.ts";
import { isVp9Keyframe, parseVp9Picture, startsVp9Keyframe } from "#codecs/vp9/header.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import { type FormatDescription, PacketHas, type PayloadFormat } from "./payload-format.ts";

/** Bits of the descriptor's first byte, §4.2. */
const PICTURE_ID = 0x80;
const INTER_PREDICTED = 0x40;
const LAYERS = 0x20;
const FLEXIBLE = 0x10;
const BEGIN = 0x08;
const END = 0x04;
const SCALABILITY = 0x02;
/** §4.2: reference indices of a picture in flexible mode. */
const MAX_REFERENCES = 3;

/** Where the scalability structure at `at` ends, §4.2.1. */
function scalabilityEnd(bytes: Buffer, at: number, end: number): number {
  if (at >= end) return end;
  const first = bytes[at++]!;
  if ((first & 0x10) !== 0) at += ((first >> 5) + 1) * 4; // Y: width and height of each spatial layer
  if ((first & 0x08) === 0 || at >= end) return at;
  for (let pictures = bytes[at++]!; pictures > 0 && at < end; pictures--) at += 1 + ((bytes[at]! >> 2) & 3); // G: R references each
  return at;
}

/** Where the frame's bytes begin in the payload at start … end; `end` or more when there are none. */
function bodyOf(bytes: Buffer, start: number, end: number): number {
  const first = bytes[start]!;
  let at = start + 1;
  if ((first & PICTURE_ID) !== 0) at += at < end && (bytes[at]! & 0x80) !== 0 ? 2 : 1;
  if ((first & LAYERS) !== 0) at += (first & FLEXIBLE) === 0 ? 2 : 1; // TL0PICIDX follows in non-flexible mode
  if ((first & (FLEXIBLE | INTER_PREDICTED)) === (FLEXIBLE | INTER_PREDICTED)) {
    for (let references = 1; at < end && (bytes[at++]! & 1) !== 0 && references < MAX_REFERENCES; references++);
  }
  return (first & SCALABILITY) === 0 ? at : scalabilityEnd(bytes, at, end);
}

/** The spatial layer, 0 where the descriptor has no layers. */
function spatialLayer(bytes: Buffer, start: number): number {
  const first = bytes[start]!;
  if ((first & LAYERS) === 0) return 0;
  const at = start + 1 + ((first & PICTURE_ID) === 0 ? 0 : (bytes[start + 1]! & 0x80) === 0 ? 1 : 2);
  return (bytes[at]! >> 1) & 7;
}

/** The frame itself is asked whether it is a keyframe: some senders never set P. */
function inspect(bytes: Buffer, start: number, end: number): number {
  if (end <= start) return 0;
  const body = bodyOf(bytes, start, end);
  if (body >= end) return 0;
  const isKeyframe = (bytes[start]! & BEGIN) !== 0 && startsVp9Keyframe(bytes, body, end) && spatialLayer(bytes, start) === 0;
  return isKeyframe ? PacketHas.slice | PacketHas.keyframe | PacketHas.parameters : PacketHas.slice;
}

/** One picture with all its layers, or undefined when a packet of it is missing. */
function depacketize(burst: PacketBurst): readonly Buffer[] | undefined {
  const cursor = new PayloadCursor(burst);
  const { bytes } = cursor;
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  let ended = true;
  while (cursor.next()) {
    const flags = bytes[cursor.start]!;
    const body = bodyOf(bytes, cursor.start, cursor.end);
    const begins = (flags & BEGIN) !== 0;
    if (!cursor.continuous || body >= cursor.end || begins !== ended) return undefined;
    parts.push(bytes.subarray(body, cursor.end));
    sizeBytes += cursor.end - body;
    ended = (flags & END) !== 0;
  }
  if (!ended || parts.length === 0 || sizeBytes > MAX_FRAME_BYTES) return undefined;
  return [parts.length === 1 ? parts[0]! : Buffer.concat(parts, sizeBytes)];
}

/** Non-flexible mode without picture ids: a descriptor of one byte. */
function packetize(frame: readonly Buffer[], _parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  const [picture] = frame;
  const room = maxPayloadBytes - 1;
  if (picture === undefined || room < 1) return;
  const predicted = isVp9Keyframe(picture) ? 0 : INTER_PREDICTED;
  for (let at = 0; at < picture.length; ) {
    const size = Math.min(room, picture.length - at);
    const isEnd = at + size === picture.length;
    const to = out.add(1 + size, isEnd);
    out.bytes[to] = predicted | (at === 0 ? BEGIN : 0) | (isEnd ? END : 0);
    at += picture.copy(out.bytes, to + 1, at, at + size);
  }
}

export const vp9Payload: PayloadFormat = {
  codec: "vp9",
  frameEnd: "marker",
  inspect,
  depacketize,
  packetize,
  readParameters(frame, known) {
    if (known.codec !== "vp9" || frame[0] === undefined) return undefined;
    const picture = parseVp9Picture(frame[0]);
    if (picture === undefined) return undefined;
    const before = known.picture;
    const same =
      before !== undefined &&
      picture.profile === before.profile &&
      picture.widthPx === before.widthPx &&
      picture.heightPx === before.heightPx &&
      picture.bitDepth === before.bitDepth &&
      picture.chromaSubsampling === before.chromaSubsampling &&
      picture.fullRange === before.fullRange;
    return same ? undefined : { ...known, picture };
  },
};

/** §7: what the source said of itself, else the profile once a keyframe came. */
export function describeVp9({ picture, fmtp }: Vp9Parameters): FormatDescription {
  return {
    payloadType: undefined,
    rtpmap: "VP9/90000",
    fmtp: fmtp ?? (picture === undefined ? undefined : `profile-id=${picture.profile}`),
  };
}

export function vp9FromSdp({ fmtp }: FormatDescription): Vp9Parameters {
  return fmtp === undefined ? { codec: "vp9" } : { codec: "vp9", fmtp };
}

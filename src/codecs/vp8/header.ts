// The frame header of VP8, RFC 6386 §9.1: keyframes and the size of their picture.
import type { Vp8Picture } from "../codec.ts";

/** The frame tag, and behind it in a keyframe the start code and the two sizes. */
const TAG_BYTES = 3;
const KEYFRAME_HEADER_BYTES = 10;
/** §9.1 start code */
const START_CODE = [0x9d, 0x01, 0x2a] as const;
/** The upper two bits of a size say how to scale the picture. */
const SIZE_MASK = 0x3fff;

/** Whether the frame that begins at start … end is a keyframe. Enough of it must be there for its start code. */
export function startsVp8Keyframe(bytes: Buffer, start: number, end: number): boolean {
  return (
    end - start >= TAG_BYTES + START_CODE.length &&
    (bytes[start]! & 1) === 0 &&
    START_CODE.every((byte, i) => bytes[start + TAG_BYTES + i] === byte)
  );
}

/** Whether decoding can start at this frame. */
export function isVp8Keyframe(frame: Buffer): boolean {
  return startsVp8Keyframe(frame, 0, frame.length);
}

/** What a keyframe says; undefined for other frames and malformed ones. */
export function parseVp8Picture(frame: Buffer): Vp8Picture | undefined {
  if (frame.length < KEYFRAME_HEADER_BYTES || !isVp8Keyframe(frame)) return undefined;
  const widthPx = frame.readUInt16LE(6) & SIZE_MASK;
  const heightPx = frame.readUInt16LE(8) & SIZE_MASK;
  return widthPx > 0 && heightPx > 0 ? { widthPx, heightPx } : undefined;
}

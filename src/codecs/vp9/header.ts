// The uncompressed header of a VP9 frame, VP9 bitstream specification §6.2: keyframes and what they say of the picture.
import { BitReader } from "#base/bit-reader.ts";
import type { Vp9Picture } from "../codec.ts";

/** §6.2 frame_marker */
const FRAME_MARKER = 2;
/** §7.2 frame_sync_code */
const SYNC_CODE = 0x498342;
/** §7.2.2 color_space */
const CS_RGB = 7;

/** Whether the frame at start … end is a keyframe; of a super frame, its first frame. */
export function startsVp9Keyframe(bytes: Buffer, start: number, end: number): boolean {
  if (start >= end || bytes[start]! >> 6 !== FRAME_MARKER) return false;
  const first = bytes[start]!;
  // Profile 3 has a reserved bit more before show_existing_frame and frame_type, both 0 in a keyframe.
  return (first & 0x30) === 0x30 ? (first & 0x06) === 0 : (first & 0x0c) === 0;
}

/** Whether decoding can start at this frame or super frame. */
export function isVp9Keyframe(frame: Buffer): boolean {
  return startsVp9Keyframe(frame, 0, frame.length);
}

/** §6.2.2 color_config(); undefined for reserved bits that are set and for 4:4:0, which `vpcC` has no word for. */
function readColor(reader: BitReader, profile: number): Pick<Vp9Picture, "bitDepth" | "chromaSubsampling" | "fullRange"> | undefined {
  const bitDepth = profile < 2 ? 8 : reader.flag() ? 12 : 10;
  const colorSpace = reader.bits(3);
  const hasSubsampling = (profile & 1) === 1;
  if (colorSpace === CS_RGB) return hasSubsampling && !reader.flag() ? { bitDepth, chromaSubsampling: 3, fullRange: true } : undefined;
  const fullRange = reader.flag();
  // The bitstream does not say where the chroma samples lie; colocated is what encoders mean.
  if (!hasSubsampling) return { bitDepth, chromaSubsampling: 1, fullRange };
  const horizontal = reader.flag();
  const vertical = reader.flag();
  if (reader.flag() || vertical) return undefined; // profiles 1 and 3 have no 4:2:0
  return { bitDepth, chromaSubsampling: horizontal ? 2 : 3, fullRange };
}

/** What a keyframe (or a super frame that begins with one) says; undefined for other frames and malformed ones. */
export function parseVp9Picture(frame: Buffer): Vp9Picture | undefined {
  if (!isVp9Keyframe(frame)) return undefined;
  const reader = new BitReader(frame.subarray(0, 16));
  reader.skip(2); // frame_marker
  const profile = reader.bit() | (reader.bit() << 1); // the low bit stands first
  if (profile === 3) reader.skip(1);
  reader.skip(4); // show_existing_frame, frame_type, show_frame, error_resilient_mode
  if (reader.bits(24) !== SYNC_CODE) return undefined;
  const color = readColor(reader, profile);
  const widthPx = reader.bits(16) + 1;
  const heightPx = reader.bits(16) + 1;
  return color === undefined || reader.overrun ? undefined : { profile, widthPx, heightPx, ...color };
}

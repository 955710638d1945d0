// NAL units of ITU-T H.264 (§7.4.1): their types and what a whole frame of them is.

/** Table 7-1. */
export const H264NalType = {
  slice: 1,
  idrSlice: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  accessUnitDelimiter: 9,
} as const;

/** The type in the first byte of a NAL unit. */
export function h264NalType(headerByte: number): number {
  return headerByte & 0x1f;
}

/** A slice or a data partition of a coded picture: types 1 to 5. */
export function isH264Slice(type: number): boolean {
  return type >= 1 && type <= 5;
}

/** Whether decoding can start at this frame: an IDR picture. */
export function isH264Keyframe(frame: readonly Buffer[]): boolean {
  for (const nalUnit of frame) if (nalUnit.length > 0 && h264NalType(nalUnit[0]!) === H264NalType.idrSlice) return true;
  return false;
}

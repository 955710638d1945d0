// NAL units of ITU-T H.265 (§7.4.2.2): their types and what a whole frame of them is.

/** Table 7-1. */
export const H265NalType = {
  raslN: 8,
  raslR: 9,
  /** The first of the random access pictures: they reach to CRA, 21, and two reserved types. */
  blaWLp: 16,
  idrWRadl: 19,
  idrNLp: 20,
  cra: 21,
  /** Everything below is a slice segment. */
  vps: 32,
  sps: 33,
  pps: 34,
  accessUnitDelimiter: 35,
  prefixSei: 39,
} as const;

/** The type in the first byte of a NAL unit. */
export function h265NalType(headerByte: number): number {
  return (headerByte >> 1) & 0x3f;
}

export function isH265Slice(type: number): boolean {
  return type < H265NalType.vps;
}

/** IDR, CRA or BLA: nal_unit_type 16 … 23 (§3.68 IRAP). */
export function isH265RandomAccess(type: number): boolean {
  return type >= H265NalType.blaWLp && type <= 23;
}

/** The type of the first slice segment of a frame; undefined when it has none. All slices of a picture are of one type (§7.4.2.2). */
export function h265PictureType(frame: readonly Buffer[]): number | undefined {
  for (const nalUnit of frame) {
    if (nalUnit.length < 2) continue;
    const type = h265NalType(nalUnit[0]!);
    if (isH265Slice(type)) return type;
  }
  return undefined;
}

/** Whether decoding can start at this frame. */
export function isH265Keyframe(frame: readonly Buffer[]): boolean {
  const type = h265PictureType(frame);
  return type !== undefined && isH265RandomAccess(type);
}

/** A leading picture that cannot be decoded when decoding starts at the CRA picture before it; a reader that starts there leaves it out. */
export function isH265SkippedLeading(frame: readonly Buffer[]): boolean {
  const type = h265PictureType(frame);
  return type === H265NalType.raslN || type === H265NalType.raslR;
}

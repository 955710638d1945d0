// The video usability information that H.264 (§E.1.1) and H.265 (§E.2.1) write alike, as far as it lies before the timing.
import type { BitReader } from "#base/bit-reader.ts";

const EXTENDED_SAR = 255; // table E-1

/** Reads from aspect_ratio_info_present_flag to chroma_sample_loc_type_bottom_field; none of it is needed here. */
export function skipVuiPicture(reader: BitReader): void {
  if (reader.flag() && reader.bits(8) === EXTENDED_SAR) reader.skip(32);
  if (reader.flag()) reader.skip(1); // overscan
  if (reader.flag()) {
    reader.skip(4); // video_format, video_full_range_flag
    if (reader.flag()) reader.skip(24); // colour description
  }
  if (reader.flag()) {
    reader.ue(); // chroma location, top
    reader.ue(); // and bottom field
  }
}

/** Frames a second that make sense for a camera; undefined for the rest, so that nobody divides by it. */
export function plausibleFps(fps: number): number | undefined {
  return fps >= 0.1 && fps <= 1000 ? fps : undefined;
}

// The head of an H.264 slice (§7.3.3) up to its picture order count, which tells display order (§8.2.1).
import { BitReader } from "#base/bit-reader.ts";
import { removeEmulationPrevention } from "../emulation-prevention.ts";
import { H264NalType, h264NalType, isH264Slice } from "./nal.ts";
import type { H264Sps } from "./sps.ts";

/** Enough for every field before pic_order_cnt_lsb with its emulation prevention bytes. */
const HEAD_BYTES = 40;

/** pic_order_cnt_lsb of the first slice of a frame; undefined when it has none (pocType 1 and 2) or no slice is there. */
export function pocLsbOf(frame: readonly Buffer[], sps: H264Sps): number | undefined {
  if (sps.pocType !== 0) return undefined;
  for (const nalUnit of frame) {
    if (nalUnit.length < 2) continue;
    const type = h264NalType(nalUnit[0]!);
    if (!isH264Slice(type) || type === 3 || type === 4) continue; // data partitions B and C have no slice header
    const reader = new BitReader(removeEmulationPrevention(nalUnit, HEAD_BYTES), 1);
    reader.ue(); // first_mb_in_slice
    reader.ue(); // slice_type
    reader.ue(); // pic_parameter_set_id
    if (sps.separateColourPlanes) reader.skip(2);
    reader.skip(sps.log2MaxFrameNum);
    if (!sps.framesOnly && reader.flag()) reader.skip(1); // field_pic_flag, bottom_field_flag
    if (type === H264NalType.idrSlice) reader.ue(); // idr_pic_id
    const lsb = reader.bits(sps.log2MaxPocLsb);
    return reader.overrun ? undefined : lsb;
  }
  return undefined;
}

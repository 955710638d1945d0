// Parameter sets of ITU-T H.265 (§7.3.2.1 to §7.3.2.3, §E.2.1), as far as a gateway must know them.
import { BitReader } from "#base/bit-reader.ts";
import { removeEmulationPrevention } from "../emulation-prevention.ts";
import { MAX_PARAMETER_SET_BYTES } from "../limits.ts";
import { plausibleFps, skipVuiPicture } from "../vui.ts";
import { H265NalType, h265NalType } from "./nal.ts";
import { skipRefPicSets } from "./ref-pic-set.ts";

export interface H265Sps {
  readonly id: number;
  readonly profileIdc: number;
  readonly levelIdc: number;
  /** General profile, tier and level as the set writes them, 12 bytes (§7.3.3); ISO/IEC 14496-15 copies them. */
  readonly profileTierLevel: Buffer;
  readonly subLayers: number;
  readonly temporalIdNesting: boolean;
  /** chroma_format_idc: 1 is 4:2:0. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Of the cropped picture. */
  readonly width: number;
  readonly height: number;
  readonly fps: number | undefined;
  /** sps_max_num_reorder_pics of the highest sub-layer: pictures that may precede one in decode order and follow it in output. */
  readonly reorderFrames: number;
  /** The same: H.265 always states it. */
  readonly maxReorderFrames: number;
}

const MAX_SIDE = 16_384;
const MAX_DPB_PICTURES = 16;

function skipSubLayers(reader: BitReader, subLayers: number): void {
  if (subLayers === 1) return;
  const present: boolean[] = [];
  for (let i = 0; i < 8; i++) {
    const profile = reader.flag();
    const level = reader.flag();
    if (i < subLayers - 1) present.push(profile, level); // the rest is reserved_zero_2bits
  }
  for (let i = 0; i < present.length; i += 2) {
    if (present[i]) reader.skip(88);
    if (present[i + 1]) reader.skip(8);
  }
}

/** §7.3.4 */
function skipScalingLists(reader: BitReader): void {
  for (let sizeId = 0; sizeId < 4; sizeId++) {
    for (let matrixId = 0; matrixId < 6; matrixId += sizeId === 3 ? 3 : 1) {
      if (!reader.flag()) {
        reader.ue(); // scaling_list_pred_matrix_id_delta
        continue;
      }
      if (sizeId > 1) reader.se(); // scaling_list_dc_coef_minus8
      const coefficients = Math.min(64, 1 << (4 + (sizeId << 1)));
      for (let i = 0; i < coefficients && !reader.overrun; i++) reader.se();
    }
  }
}

/** From the block sizes to the timing in the VUI; undefined when there is none or the rest of the set cannot be read. */
function readFps(reader: BitReader, log2MaxPocLsb: number): number | undefined {
  for (let i = 0; i < 6; i++) reader.ue(); // block sizes and hierarchy depths
  if (reader.flag() && reader.flag()) skipScalingLists(reader);
  reader.skip(2); // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (reader.flag()) {
    reader.skip(8); // PCM bit depths
    reader.ue();
    reader.ue();
    reader.skip(1);
  }
  const refPicSets = reader.ue();
  if (refPicSets > 64 || !skipRefPicSets(reader, refPicSets)) return undefined;
  if (reader.flag()) {
    const longTerm = reader.ue(); // num_long_term_ref_pics_sps
    if (longTerm > 32) return undefined;
    reader.skip(longTerm * (log2MaxPocLsb + 1));
  }
  reader.skip(2); // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
  if (!reader.flag()) return undefined;
  skipVuiPicture(reader);
  reader.skip(3); // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
  if (reader.flag()) for (let i = 0; i < 4; i++) reader.ue(); // default display window
  if (!reader.flag()) return undefined;
  const unitsInTick = reader.bits(32);
  const timeScale = reader.bits(32);
  return reader.overrun ? undefined : plausibleFps(timeScale / unitsInTick);
}

/** One SPS NAL unit without start code; undefined when it is none or is broken. */
export function parseH265Sps(nalUnit: Buffer): H265Sps | undefined {
  if (nalUnit.length < 16 || nalUnit.length > MAX_PARAMETER_SET_BYTES || h265NalType(nalUnit[0]!) !== H265NalType.sps) return undefined;
  const raw = removeEmulationPrevention(nalUnit);
  const reader = new BitReader(raw, 2);
  reader.skip(4); // sps_video_parameter_set_id
  const subLayers = reader.bits(3) + 1;
  const temporalIdNesting = reader.flag();
  if (subLayers > 7 || raw.length < 16) return undefined;
  const profileTierLevel = Buffer.from(raw.subarray(3, 15));
  reader.skip(96);
  skipSubLayers(reader, subLayers);
  const id = reader.ue();
  const chromaFormat = reader.ue();
  if (id > 15 || chromaFormat > 3) return undefined;
  if (chromaFormat === 3) reader.skip(1); // separate_colour_plane_flag
  const codedWidth = reader.ue();
  const codedHeight = reader.ue();
  let width = codedWidth;
  let height = codedHeight;
  if (reader.flag()) {
    width -= (reader.ue() + reader.ue()) * (chromaFormat === 1 || chromaFormat === 2 ? 2 : 1); // table 6-1
    height -= (reader.ue() + reader.ue()) * (chromaFormat === 1 ? 2 : 1);
  }
  const bitDepthLuma = reader.ue() + 8;
  const bitDepthChroma = reader.ue() + 8;
  const log2MaxPocLsb = reader.ue() + 4;
  let reorderFrames = 0;
  for (let i = reader.flag() ? 0 : subLayers - 1; i < subLayers; i++) {
    reader.ue(); // sps_max_dec_pic_buffering_minus1
    reorderFrames = reader.ue();
    reader.ue(); // sps_max_latency_increase_plus1
  }
  if (reader.overrun || width <= 0 || height <= 0 || codedWidth > MAX_SIDE || codedHeight > MAX_SIDE) return undefined;
  if (bitDepthLuma > 16 || bitDepthChroma > 16 || log2MaxPocLsb > 16 || reorderFrames > MAX_DPB_PICTURES) return undefined;
  return {
    id,
    profileIdc: profileTierLevel[0]! & 0x1f,
    levelIdc: profileTierLevel[11]!,
    profileTierLevel,
    subLayers,
    temporalIdNesting,
    chromaFormat,
    bitDepthLuma,
    bitDepthChroma,
    width,
    height,
    fps: readFps(reader, log2MaxPocLsb),
    reorderFrames,
    maxReorderFrames: reorderFrames,
  };
}

function isSet(nalUnit: Buffer, type: number): boolean {
  return nalUnit.length >= 3 && nalUnit.length <= MAX_PARAMETER_SET_BYTES && h265NalType(nalUnit[0]!) === type;
}

/** vps_video_parameter_set_id of a VPS NAL unit; undefined when it is none. */
export function h265VpsId(nalUnit: Buffer): number | undefined {
  return isSet(nalUnit, H265NalType.vps) ? nalUnit[2]! >> 4 : undefined;
}

/** pps_pic_parameter_set_id of a PPS NAL unit; undefined when it is none or is broken. */
export function h265PpsId(nalUnit: Buffer): number | undefined {
  if (!isSet(nalUnit, H265NalType.pps)) return undefined;
  const reader = new BitReader(removeEmulationPrevention(nalUnit, 16), 2);
  const id = reader.ue();
  const spsId = reader.ue();
  return reader.overrun || id > 63 || spsId > 15 ? undefined : id;
}

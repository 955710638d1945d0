// Sequence and picture parameter sets of ITU-T H.264 (§7.3.2.1, §7.3.2.2, §E.1), as far as a gateway must know them.
import { BitReader } from "#base/bit-reader.ts";
import { removeEmulationPrevention } from "../emulation-prevention.ts";
import { MAX_PARAMETER_SET_BYTES } from "../limits.ts";
import { plausibleFps, skipVuiPicture } from "../vui.ts";
import { MAX_DPB_FRAMES, maxDpbFrames } from "./dpb.ts";
import { H264NalType, h264NalType } from "./nal.ts";

export interface H264Sps {
  readonly id: number;
  readonly profileIdc: number;
  /** constraint_set0_flag (highest bit) to constraint_set5_flag and two reserved bits. */
  readonly constraints: number;
  readonly levelIdc: number;
  /** Of the cropped picture. */
  readonly width: number;
  readonly height: number;
  readonly fps: number | undefined;
  /** chroma_format_idc: 1 is 4:2:0. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly separateColourPlanes: boolean;
  readonly log2MaxFrameNum: number;
  readonly pocType: number;
  /** log2_max_pic_order_cnt_lsb; 0 unless pocType is 0. */
  readonly log2MaxPocLsb: number;
  readonly framesOnly: boolean;
  /** Frames that may precede a frame in decode order and follow it in output, where the set says so or rules B-frames out. */
  readonly reorderFrames: number | undefined;
  /** The most that `reorderFrames` can be at this level and size. */
  readonly maxReorderFrames: number;
}

/** Profiles whose set has chroma format and scaling lists, §7.3.2.1.1. */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** Intra-only when constraint_set3_flag is set, §A.2.8 to §A.2.11. */
const INTRA_PROFILES: ReadonlySet<number> = new Set([44, 100, 110, 122, 244]);
const BASELINE = 66;
const MAX_SIDE = 16_384;

function skipScalingList(reader: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size && !reader.overrun; i++) {
    if (next !== 0) next = (last + reader.se() + 256) & 0xff;
    if (next !== 0) last = next;
  }
}

interface Chroma {
  readonly format: number;
  readonly separatePlanes: boolean;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
}

/** What a profile without these fields means, §7.4.2.1.1. */
const CHROMA_420: Chroma = { format: 1, separatePlanes: false, bitDepthLuma: 8, bitDepthChroma: 8 };

function readChroma(reader: BitReader): Chroma | undefined {
  const format = reader.ue();
  if (format > 3) return undefined;
  const separatePlanes = format === 3 && reader.flag();
  const bitDepthLuma = reader.ue() + 8;
  const bitDepthChroma = reader.ue() + 8;
  if (bitDepthLuma > 14 || bitDepthChroma > 14) return undefined;
  reader.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (reader.flag()) {
    const lists = format === 3 ? 12 : 8;
    for (let i = 0; i < lists; i++) if (reader.flag()) skipScalingList(reader, i < 6 ? 16 : 64);
  }
  return { format, separatePlanes, bitDepthLuma, bitDepthChroma };
}

function skipHrd(reader: BitReader): void {
  const count = reader.ue() + 1; // §E.1.2 cpb_cnt_minus1, at most 31
  reader.skip(8);
  for (let i = 0; i < count && i < 32; i++) {
    reader.ue();
    reader.ue();
    reader.skip(1);
  }
  reader.skip(20);
}

interface Vui {
  readonly fps: number | undefined;
  readonly reorderFrames: number | undefined;
}

function readVui(reader: BitReader): Vui {
  skipVuiPicture(reader);
  let fps: number | undefined;
  if (reader.flag()) {
    const unitsInTick = reader.bits(32);
    const timeScale = reader.bits(32);
    reader.skip(1); // fixed_frame_rate_flag
    fps = plausibleFps(timeScale / (2 * unitsInTick)); // a tick is a field
  }
  const nalHrd = reader.flag();
  if (nalHrd) skipHrd(reader);
  const vclHrd = reader.flag();
  if (vclHrd) skipHrd(reader);
  if (nalHrd || vclHrd) reader.skip(1); // low_delay_hrd_flag
  reader.skip(1); // pic_struct_present_flag
  if (!reader.flag()) return { fps, reorderFrames: undefined };
  reader.skip(1); // motion_vectors_over_pic_boundaries_flag
  for (let i = 0; i < 4; i++) reader.ue(); // sizes and motion vector ranges
  const reorderFrames = reader.ue();
  return { fps, reorderFrames: reader.overrun || reorderFrames > MAX_DPB_FRAMES ? undefined : reorderFrames };
}

/** One SPS NAL unit without start code; undefined when it is none or is broken. A VUI that is cut short counts as absent. */
export function parseH264Sps(nalUnit: Buffer): H264Sps | undefined {
  if (nalUnit.length < 5 || nalUnit.length > MAX_PARAMETER_SET_BYTES || h264NalType(nalUnit[0]!) !== H264NalType.sps) return undefined;
  const reader = new BitReader(removeEmulationPrevention(nalUnit), 1);
  const profileIdc = reader.bits(8);
  const constraints = reader.bits(8);
  const levelIdc = reader.bits(8);
  const id = reader.ue();
  const chroma = HIGH_PROFILES.has(profileIdc) ? readChroma(reader) : CHROMA_420;
  const log2MaxFrameNum = reader.ue() + 4;
  const pocType = reader.ue();
  if (chroma === undefined || id > 31 || log2MaxFrameNum > 16 || pocType > 2) return undefined;
  let log2MaxPocLsb = 0;
  if (pocType === 0) {
    log2MaxPocLsb = reader.ue() + 4;
    if (log2MaxPocLsb > 16) return undefined;
  } else if (pocType === 1) {
    reader.skip(1); // delta_pic_order_always_zero_flag
    reader.se();
    reader.se();
    const cycle = reader.ue(); // num_ref_frames_in_pic_order_cnt_cycle
    if (cycle > 255) return undefined;
    for (let i = 0; i < cycle; i++) reader.se();
  }
  reader.ue(); // max_num_ref_frames
  reader.skip(1); // gaps_in_frame_num_value_allowed_flag
  const columns = reader.ue() + 1;
  const mapRows = reader.ue() + 1;
  const framesOnly = reader.flag();
  if (!framesOnly) reader.skip(1); // mb_adaptive_frame_field_flag
  reader.skip(1); // direct_8x8_inference_flag
  const rows = framesOnly ? mapRows : mapRows * 2;
  const cropUnitX = chroma.format === 1 || chroma.format === 2 ? 2 : 1; // table 6-1
  const cropUnitY = (chroma.format === 1 ? 2 : 1) * (framesOnly ? 1 : 2);
  let width = columns * 16;
  let height = rows * 16;
  if (reader.flag()) {
    width -= (reader.ue() + reader.ue()) * cropUnitX;
    height -= (reader.ue() + reader.ue()) * cropUnitY;
  }
  const hasVui = reader.flag();
  if (reader.overrun || width <= 0 || height <= 0 || columns * 16 > MAX_SIDE || rows * 16 > MAX_SIDE) return undefined;
  const vui = hasVui ? readVui(reader) : undefined;

  const level1b = (profileIdc === 77 || profileIdc === 88) && levelIdc === 11 && (constraints & 0x10) !== 0; // §A.3.1
  const intraOnly = INTRA_PROFILES.has(profileIdc) && (profileIdc === 44 || (constraints & 0x10) !== 0);
  const inOutputOrder = profileIdc === BASELINE || pocType === 2 || intraOnly; // §A.2.1, §8.2.1.3
  return {
    id,
    profileIdc,
    constraints,
    levelIdc,
    width,
    height,
    fps: vui?.fps,
    chromaFormat: chroma.format,
    bitDepthLuma: chroma.bitDepthLuma,
    bitDepthChroma: chroma.bitDepthChroma,
    separateColourPlanes: chroma.separatePlanes,
    log2MaxFrameNum,
    pocType,
    log2MaxPocLsb,
    framesOnly,
    reorderFrames: inOutputOrder ? 0 : vui?.reorderFrames,
    maxReorderFrames: inOutputOrder ? 0 : maxDpbFrames(level1b ? 9 : levelIdc, columns * rows),
  };
}

/** pic_parameter_set_id of a PPS NAL unit; undefined when it is none or is broken. */
export function h264PpsId(nalUnit: Buffer): number | undefined {
  if (nalUnit.length < 2 || nalUnit.length > MAX_PARAMETER_SET_BYTES || h264NalType(nalUnit[0]!) !== H264NalType.pps) return undefined;
  const reader = new BitReader(removeEmulationPrevention(nalUnit, 16), 1);
  const id = reader.ue();
  const spsId = reader.ue();
  return reader.overrun || id > 255 || spsId > 31 ? undefined : id;
}

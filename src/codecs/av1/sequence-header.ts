// The sequence header of AV1, AV1 bitstream specification §5.5: profile, level, size and colours, all that `av1C` and the API tell.
import { BitReader } from "#base/bit-reader.ts";
import { ObuType, obuPayloadStart, obuType } from "./obu.ts";

export interface Av1Sequence {
  /** seq_profile: 0 Main, 1 High, 2 Professional. */
  readonly profile: number;
  /** seq_level_idx of the first operating point (§A.3): 0 is level 2.0, 8 is 4.0, 31 is without limits. */
  readonly levelIdx: number;
  /** seq_tier of the first operating point. */
  readonly tier: 0 | 1;
  /** Largest frame. */
  readonly widthPx: number;
  readonly heightPx: number;
  readonly bitDepth: 8 | 10 | 12;
  readonly monochrome: boolean;
  readonly subsamplingX: 0 | 1;
  readonly subsamplingY: 0 | 1;
  /** §6.4.2: 0 unknown, 1 vertical, 2 colocated. */
  readonly chromaSamplePosition: number;
  /** As in ISO/IEC 23091-2; 2 is unspecified. */
  readonly colorPrimaries: number;
  readonly transferCharacteristics: number;
  readonly matrixCoefficients: number;
  readonly fullRange: boolean;
}

/** §6.4.2: sRGB is told by these three together. */
const BT_709 = 1;
const SRGB = 13;
const IDENTITY = 0;
const UNSPECIFIED = 2;

interface OperatingPoint {
  readonly levelIdx: number;
  readonly tier: 0 | 1;
}

/** From timing_info_present_flag to the last operating point; the first of them. */
function readOperatingPoints(reader: BitReader): OperatingPoint {
  let delayBits = 0;
  if (reader.flag()) {
    reader.skip(64); // num_units_in_display_tick, time_scale
    if (reader.flag()) reader.ue(); // num_ticks_per_picture_minus_1: uvlc() is the same code
    if (reader.flag()) {
      delayBits = reader.bits(5) + 1;
      reader.skip(42); // num_units_in_decoding_tick, buffer_removal_time_length_minus_1, frame_presentation_time_length_minus_1
    }
  }
  const hasDisplayDelay = reader.flag();
  const count = reader.bits(5) + 1;
  let first: OperatingPoint | undefined;
  for (let i = 0; i < count; i++) {
    reader.skip(12); // operating_point_idc
    const levelIdx = reader.bits(5);
    const tier = levelIdx > 7 && reader.flag() ? 1 : 0;
    first ??= { levelIdx, tier };
    if (delayBits > 0 && reader.flag()) reader.skip(2 * delayBits + 1); // operating_parameters_info()
    if (hasDisplayDelay && reader.flag()) reader.skip(4);
  }
  return first!;
}

/** From frame_id_numbers_present_flag to enable_restoration: tools of the decoder. */
function skipTools(reader: BitReader, reduced: boolean): void {
  if (!reduced && reader.flag()) reader.skip(7); // lengths of frame ids
  reader.skip(3); // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
  if (!reduced) {
    reader.skip(4); // enable_interintra_compound … enable_dual_filter
    const hasOrderHint = reader.flag();
    if (hasOrderHint) reader.skip(2); // enable_jnt_comp, enable_ref_frame_mvs
    const screenContent = reader.flag() || reader.flag(); // chosen by each frame, or forced
    if (screenContent && !reader.flag()) reader.skip(1); // seq_force_integer_mv
    if (hasOrderHint) reader.skip(3); // order_hint_bits_minus_1
  }
  reader.skip(3); // enable_superres, enable_cdef, enable_restoration
}

type Color = Omit<Av1Sequence, "profile" | "levelIdx" | "tier" | "widthPx" | "heightPx">;

/** §5.5.2 color_config() */
function readColor(reader: BitReader, profile: number): Color {
  const highBitDepth = reader.flag();
  let bitDepth: 8 | 10 | 12 = highBitDepth ? 10 : 8;
  if (profile === 2 && highBitDepth && reader.flag()) bitDepth = 12;
  const monochrome = profile !== 1 && reader.flag();
  const described = reader.flag();
  const colorPrimaries = described ? reader.bits(8) : UNSPECIFIED;
  const transferCharacteristics = described ? reader.bits(8) : UNSPECIFIED;
  const matrixCoefficients = described ? reader.bits(8) : UNSPECIFIED;
  const color = { bitDepth, monochrome, colorPrimaries, transferCharacteristics, matrixCoefficients };
  if (monochrome) return { ...color, fullRange: reader.flag(), subsamplingX: 1, subsamplingY: 1, chromaSamplePosition: 0 };
  if (colorPrimaries === BT_709 && transferCharacteristics === SRGB && matrixCoefficients === IDENTITY) {
    return { ...color, fullRange: true, subsamplingX: 0, subsamplingY: 0, chromaSamplePosition: 0 };
  }
  const fullRange = reader.flag();
  let subsamplingX: 0 | 1 = profile === 1 ? 0 : 1;
  let subsamplingY: 0 | 1 = profile === 0 ? 1 : 0;
  if (profile === 2 && bitDepth === 12) {
    subsamplingX = reader.flag() ? 1 : 0;
    subsamplingY = subsamplingX === 1 && reader.flag() ? 1 : 0;
  }
  const chromaSamplePosition = subsamplingX === 1 && subsamplingY === 1 ? reader.bits(2) : 0;
  return { ...color, fullRange, subsamplingX, subsamplingY, chromaSamplePosition };
}

/** `obu`: a sequence header OBU, with or without size field. undefined when it is none or cut short. */
export function parseAv1SequenceHeader(obu: Buffer): Av1Sequence | undefined {
  const payload = obuPayloadStart(obu, 0, obu.length);
  if (payload < 0 || obuType(obu[0]!) !== ObuType.sequenceHeader) return undefined;
  const reader = new BitReader(obu, payload);
  const profile = reader.bits(3);
  if (profile > 2) return undefined;
  reader.skip(1); // still_picture
  const reduced = reader.flag();
  const point: OperatingPoint = reduced ? { levelIdx: reader.bits(5), tier: 0 } : readOperatingPoints(reader);
  const widthBits = reader.bits(4) + 1;
  const heightBits = reader.bits(4) + 1;
  const widthPx = reader.bits(widthBits) + 1;
  const heightPx = reader.bits(heightBits) + 1;
  skipTools(reader, reduced);
  const color = readColor(reader, profile);
  return reader.overrun ? undefined : { profile, ...point, widthPx, heightPx, ...color };
}

// Headers of MPEG-4 part 2 video (ISO/IEC 14496-2 §6.2): the configuration, the picture size, and which frames are keyframes.
import { BitReader } from "#base/bit-reader.ts";
import { nextStartCode } from "../annex-b.ts";
import { MAX_PARAMETER_SET_BYTES } from "../limits.ts";

/** Table 6-3: the byte behind 00 00 01. */
export const Mpeg4StartCode = {
  firstVideoObjectLayer: 0x20,
  lastVideoObjectLayer: 0x2f,
  visualObjectSequence: 0xb0,
  groupOfVop: 0xb3,
  vop: 0xb6,
} as const;

/** video_object_layer_shape */
const RECTANGULAR = 0;
const EXTENDED_ASPECT_RATIO = 15;

export interface Mpeg4VideoLayer {
  readonly widthPx: number;
  readonly heightPx: number;
  /** profile_and_level_indication (table G-1), undefined where the configuration does not begin with a visual object sequence. */
  readonly profileLevel: number | undefined;
  /** There are no B-VOPs. */
  readonly lowDelay: boolean;
  /** Ticks a second of the times in VOP headers. */
  readonly timeResolution: number;
}

/** Where the next header behind `from` begins whose start code `wanted` says yes to; `bytes.length` when there is none. */
function findStartCode(bytes: Buffer, from: number, wanted: (code: number) => boolean): number {
  for (let at = nextStartCode(bytes, from, bytes.length); at + 3 < bytes.length; at = nextStartCode(bytes, at + 3, bytes.length)) {
    if (wanted(bytes[at + 3]!)) return at;
  }
  return bytes.length;
}

function isLayer(code: number): boolean {
  return code >= Mpeg4StartCode.firstVideoObjectLayer && code <= Mpeg4StartCode.lastVideoObjectLayer;
}

/** The headers before the first picture, as a view; undefined when no video object layer is among them. */
export function mpeg4VideoConfig(frame: Buffer): Buffer | undefined {
  const start = nextStartCode(frame, 0, frame.length);
  const end = findStartCode(frame, start, (code) => code === Mpeg4StartCode.groupOfVop || code === Mpeg4StartCode.vop);
  const config = frame.subarray(start, end);
  return config.length <= MAX_PARAMETER_SET_BYTES && mpeg4VideoLayerHeader(config) !== undefined ? config : undefined;
}

/** The video object layer among the headers, up to the next start code: what a decoder must have, without comments of the encoder. */
export function mpeg4VideoLayerHeader(config: Buffer): Buffer | undefined {
  const start = findStartCode(config, 0, isLayer);
  return start < config.length ? config.subarray(start, nextStartCode(config, start + 3, config.length)) : undefined;
}

/** vol_control_parameters, §6.2.3; returns low_delay. */
function readControl(reader: BitReader): boolean {
  if (!reader.flag()) return false;
  reader.skip(2); // chroma_format
  const lowDelay = reader.flag();
  if (reader.flag()) reader.skip(79); // vbv_parameters
  return lowDelay;
}

/** What the configuration says; undefined when it has no video object layer, or one of another shape than rectangular. */
export function parseMpeg4VideoConfig(config: Buffer): Mpeg4VideoLayer | undefined {
  const header = mpeg4VideoLayerHeader(config);
  if (header === undefined) return undefined;
  const reader = new BitReader(header, 4);
  reader.skip(9); // random_accessible_vol, video_object_type_indication
  if (reader.flag()) reader.skip(7); // video_object_layer_verid, video_object_layer_priority
  if (reader.bits(4) === EXTENDED_ASPECT_RATIO) reader.skip(16);
  const lowDelay = readControl(reader);
  if (reader.bits(2) !== RECTANGULAR) return undefined;
  reader.skip(1); // marker_bit
  const timeResolution = reader.bits(16);
  reader.skip(1);
  if (reader.flag()) reader.skip(Math.max(1, 32 - Math.clz32(timeResolution - 1))); // fixed_vop_time_increment
  reader.skip(1);
  const widthPx = reader.bits(13);
  reader.skip(1);
  const heightPx = reader.bits(13);
  if (reader.overrun || widthPx === 0 || heightPx === 0 || timeResolution === 0) return undefined;
  return { widthPx, heightPx, profileLevel: mpeg4ProfileLevel(config), lowDelay, timeResolution };
}

/** profile_and_level_indication of the visual object sequence; undefined without one. */
export function mpeg4ProfileLevel(config: Buffer): number | undefined {
  const start = findStartCode(config, 0, (code) => code === Mpeg4StartCode.visualObjectSequence);
  return config[start + 4];
}

/** vop_coding_type (table 6-20) of the first picture: 0 I, 1 P, 2 B, 3 S; undefined without one. `start … end`: where to look. */
export function mpeg4VopType(bytes: Buffer, start: number, end: number): number | undefined {
  for (let at = nextStartCode(bytes, start, end); at + 4 < end; at = nextStartCode(bytes, at + 3, end)) {
    if (bytes[at + 3] === Mpeg4StartCode.vop) return bytes[at + 4]! >> 6;
  }
  return undefined;
}

/** Whether decoding can start at this frame: its picture is an I-VOP. */
export function isMpeg4VideoKeyframe(frame: Buffer): boolean {
  return mpeg4VopType(frame, 0, frame.length) === 0;
}

// Sample entries of video, ISO/IEC 14496-12 §12.1.3, and their configuration boxes: what a decoder must know before the first sample.
import { joinObus } from "#codecs/av1/obu.ts";
import { parseAv1SequenceHeader } from "#codecs/av1/sequence-header.ts";
import type { Av1Parameters, Parameters, Vp9Picture } from "#codecs/codec.ts";
import { parseH264Sps } from "#codecs/h264/sps.ts";
import { parseH265Sps } from "#codecs/h265/sps.ts";
import { parseMpegVideoSequence } from "#codecs/mpeg1-video/headers.ts";
import { parseMpeg4VideoConfig } from "#codecs/mpeg4-video/headers.ts";
import type { BoxWriter } from "./box-writer.ts";
import { type ElementaryDescriptor, ObjectType, writeElementaryDescriptor } from "./elementary-descriptor.ts";
import { writeAvcConfig, writeHevcConfig } from "./nal-config.ts";

export interface PictureSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** The most that the fields of a sample entry hold. */
const MAX_SIDE_PX = 0xffff;
/** 72 dots per inch, 16.16. */
const RESOLUTION = 72 * 65_536;
/** 24 bits a pixel. */
const DEPTH = 0x18;
const NONE = Buffer.alloc(0);

/** Largest luma picture sizes of the VP9 levels 1, 1.1, 2, … (VP9 bitstream specification, annex A), as `vpcC` numbers them: 10, 11, 20, … */
const VP9_LEVELS: readonly (readonly [level: number, pictureSize: number])[] = [
  [10, 36_864],
  [11, 73_728],
  [20, 122_880],
  [21, 245_760],
  [30, 552_960],
  [31, 983_040],
  [40, 2_228_224],
  [50, 8_912_896],
  [60, 35_651_584],
];

/** Size of the picture as it is shown; undefined for audio, and where the parameters do not tell. */
export function pictureSizeOf(parameters: Parameters): PictureSize | undefined {
  const size = anySizeOf(parameters);
  if (size === undefined || size.widthPx > MAX_SIDE_PX || size.heightPx > MAX_SIDE_PX) return undefined;
  return size.widthPx > 0 && size.heightPx > 0 ? size : undefined;
}

function anySizeOf(parameters: Parameters): PictureSize | undefined {
  switch (parameters.codec) {
    case "h264":
    case "h265": {
      const [set] = parameters.sps;
      const sps = set && (parameters.codec === "h264" ? parseH264Sps(set) : parseH265Sps(set));
      return sps && { widthPx: sps.width, heightPx: sps.height };
    }
    case "av1":
      return parameters.sequenceHeader && parseAv1SequenceHeader(parameters.sequenceHeader);
    case "vp9":
    case "mjpeg":
      return parameters.picture;
    case "mpeg4-video":
      return parameters.config && parseMpeg4VideoConfig(parameters.config);
    case "mpeg1-video":
      return parameters.config && parseMpegVideoSequence(parameters.config);
    default:
      return undefined;
  }
}

/** What the parameter sets of a sample entry are; other codecs have none. */
export interface EntrySets {
  /** In-band sets are allowed: `avc3`, `hev1`. */
  readonly inBand: boolean;
  /** The sets that go into the entry. */
  readonly listed: Parameters;
}

/** False: the parameters do not tell enough, or the codec is no video that MP4 has a place for; what was written then is of no use. */
export function writeVideoEntry(writer: BoxWriter, trackId: number, parameters: Parameters, sets: EntrySets): boolean {
  const size = pictureSizeOf(parameters);
  if (size === undefined) return false;
  const { listed, inBand } = sets;
  switch (parameters.codec) {
    case "h264":
      if (listed.codec !== "h264") return false;
      return writeEntry(writer, inBand ? "avc3" : "avc1", size, () => writeAvcConfig(writer, parameters, listed));
    case "h265":
      if (listed.codec !== "h265") return false;
      return writeEntry(writer, inBand ? "hev1" : "hvc1", size, () => writeHevcConfig(writer, parameters, listed, !inBand));
    case "av1":
      return writeEntry(writer, "av01", size, () => writeAv1Config(writer, parameters));
    case "vp9":
      return parameters.picture !== undefined && writeEntry(writer, "vp09", size, () => writeVp9Config(writer, parameters.picture!));
    case "mjpeg":
      return writeMpegEntry(writer, trackId, size, { objectType: ObjectType.jpeg, specificInfo: NONE });
    case "mpeg4-video":
      return writeMpegEntry(writer, trackId, size, { objectType: ObjectType.mpeg4Video, specificInfo: parameters.config ?? NONE });
    case "mpeg1-video":
      return writeMpegEntry(writer, trackId, size, { objectType: ObjectType.mpeg2VideoMain, specificInfo: parameters.config ?? NONE });
    default:
      return false;
  }
}

function writeEntry(writer: BoxWriter, type: string, size: PictureSize, config: () => boolean): boolean {
  let written = false;
  writer.box(type, () => {
    writer.zeros(6).u16(1).zeros(16); // data_reference_index
    writer.u16(size.widthPx).u16(size.heightPx).u32(RESOLUTION).u32(RESOLUTION);
    writer.zeros(4).u16(1).zeros(32); // one frame a sample; no compressor name
    writer.u16(DEPTH).u16(0xffff); // no colour table
    written = config();
  });
  return written;
}

function writeMpegEntry(writer: BoxWriter, trackId: number, size: PictureSize, descriptor: ElementaryDescriptor): boolean {
  return writeEntry(writer, "mp4v", size, () => {
    writeElementaryDescriptor(writer, trackId, "video", descriptor);
    return true;
  });
}

/** `av1C`, AV1 in ISOBMFF §2.3.3. */
function writeAv1Config(writer: BoxWriter, { sequenceHeader }: Av1Parameters): boolean {
  const sequence = sequenceHeader && parseAv1SequenceHeader(sequenceHeader);
  if (sequenceHeader === undefined || sequence === undefined) return false;
  writer.box("av1C", () => {
    writer.u8(0x81); // marker, version 1
    writer.u8((sequence.profile << 5) | sequence.levelIdx);
    const depth = (sequence.bitDepth > 8 ? 0x40 : 0) | (sequence.bitDepth === 12 ? 0x20 : 0);
    const chroma = (sequence.subsamplingX << 3) | (sequence.subsamplingY << 2) | sequence.chromaSamplePosition;
    writer.u8((sequence.tier << 7) | depth | (sequence.monochrome ? 0x10 : 0) | chroma);
    writer.u8(0); // no initial presentation delay
    writer.bytes(joinObus([sequenceHeader]));
  });
  return true;
}

/** `vpcC`, VP codec ISO media file format binding. Colours are not specified (2). */
function writeVp9Config(writer: BoxWriter, picture: Vp9Picture): boolean {
  const pixels = picture.widthPx * picture.heightPx;
  const level = VP9_LEVELS.find(([, pictureSize]) => pixels <= pictureSize)?.[0] ?? 62;
  writer.fullBox("vpcC", 1, 0, () => {
    writer.u8(picture.profile).u8(level);
    writer.u8((picture.bitDepth << 4) | (picture.chromaSubsampling << 1) | (picture.fullRange ? 1 : 0));
    writer.u8(2).u8(2).u8(2).u16(0);
  });
  return true;
}

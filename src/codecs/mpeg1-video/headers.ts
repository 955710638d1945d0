// Headers of MPEG-1 and MPEG-2 video (ISO/IEC 11172-2 §2.4.2, 13818-2 §6.2): sequence, picture type, and which frames are keyframes.
import { BitReader } from "#base/bit-reader.ts";
import { nextStartCode } from "../annex-b.ts";
import { MAX_PARAMETER_SET_BYTES } from "../limits.ts";

/** 13818-2 table 6-1: the byte behind 00 00 01; 0x01 to 0xaf are slices. */
export const MpegStartCode = {
  picture: 0x00,
  firstSlice: 0x01,
  lastSlice: 0xaf,
  sequenceHeader: 0xb3,
  extension: 0xb5,
  groupOfPictures: 0xb8,
} as const;

/** 13818-2 table 6-12 */
export const MpegPictureType = { intra: 1, predicted: 2, bidirectional: 3, dc: 4 } as const;

/** 13818-2 table 6-2: extension_start_code_identifier of sequence_extension(). */
const SEQUENCE_EXTENSION = 1;
/** 13818-2 table 6-4, by frame_rate_code. */
const FRAME_RATES: readonly number[] = [0, 24_000 / 1001, 24, 25, 30_000 / 1001, 30, 50, 60_000 / 1001, 60];

export interface MpegVideoSequence {
  readonly isMpeg2: boolean;
  readonly widthPx: number;
  readonly heightPx: number;
  /** Frames a second; undefined for a reserved code. */
  readonly fps: number | undefined;
  /** profile_and_level_indication (13818-2 §8); undefined in MPEG-1. */
  readonly profileLevel: number | undefined;
  /** There are no B-pictures; MPEG-1 cannot say so. */
  readonly lowDelay: boolean;
}

export function isMpegSlice(code: number): boolean {
  return code >= MpegStartCode.firstSlice && code <= MpegStartCode.lastSlice;
}

/** A copy of the sequence header and the extensions of the sequence, with start codes; undefined when the frame has none. */
export function mpegVideoConfig(frame: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = nextStartCode(frame, 0, frame.length); at + 3 < frame.length; ) {
    const code = frame[at + 3]!;
    if (code === MpegStartCode.picture || code === MpegStartCode.groupOfPictures || isMpegSlice(code)) break;
    const next = nextStartCode(frame, at + 3, frame.length);
    if (code === MpegStartCode.sequenceHeader || (code === MpegStartCode.extension && parts.length > 0))
      parts.push(frame.subarray(at, next));
    at = next;
  }
  const config = Buffer.concat(parts);
  return config.length <= MAX_PARAMETER_SET_BYTES && parseMpegVideoSequence(config) !== undefined ? config : undefined;
}

/** `config`: a sequence header, with start code, and what follows it. undefined when it is malformed. */
export function parseMpegVideoSequence(config: Buffer): MpegVideoSequence | undefined {
  const at = nextStartCode(config, 0, config.length);
  if (at + 12 > config.length || config[at + 3] !== MpegStartCode.sequenceHeader) return undefined;
  const reader = new BitReader(config, at + 4);
  const width = reader.bits(12);
  const height = reader.bits(12);
  reader.skip(4); // aspect_ratio_information
  const rate = FRAME_RATES[reader.bits(4)] || undefined;
  const mpeg1 = { isMpeg2: false, widthPx: width, heightPx: height, fps: rate, profileLevel: undefined, lowDelay: false };
  const extension = readExtension(config, at + 4);
  if (extension === undefined) return width === 0 || height === 0 ? undefined : mpeg1;
  const widthPx = extension.widthHigh * 4096 + width;
  const heightPx = extension.heightHigh * 4096 + height;
  if (widthPx === 0 || heightPx === 0) return undefined;
  const fps = rate === undefined ? undefined : rate * extension.rateFactor;
  return { isMpeg2: true, widthPx, heightPx, fps, profileLevel: extension.profileLevel, lowDelay: extension.lowDelay };
}

/** sequence_extension(), 13818-2 §6.2.2.3; undefined where the sequence is MPEG-1. */
function readExtension(config: Buffer, from: number) {
  for (let at = nextStartCode(config, from, config.length); at + 10 <= config.length; at = nextStartCode(config, at + 3, config.length)) {
    if (config[at + 3] !== MpegStartCode.extension || config[at + 4]! >> 4 !== SEQUENCE_EXTENSION) continue;
    const reader = new BitReader(config, at + 4);
    reader.skip(4);
    const profileLevel = reader.bits(8);
    reader.skip(3); // progressive_sequence, chroma_format
    const widthHigh = reader.bits(2);
    const heightHigh = reader.bits(2);
    reader.skip(21); // bit_rate_extension, marker_bit, vbv_buffer_size_extension
    const lowDelay = reader.flag();
    const rateFactor = (reader.bits(2) + 1) / (reader.bits(5) + 1);
    return { profileLevel, widthHigh, heightHigh, lowDelay, rateFactor };
  }
  return undefined;
}

/** Where the first picture's start code stands in start … end; `end` when there is none with its type behind it. */
export function findMpegPicture(bytes: Buffer, start: number, end: number): number {
  for (let at = nextStartCode(bytes, start, end); at + 5 < end; at = nextStartCode(bytes, at + 3, end)) {
    const code = bytes[at + 3]!;
    if (code === MpegStartCode.picture) return at;
    if (isMpegSlice(code)) return end;
  }
  return end;
}

/** picture_coding_type of the picture whose start code stands at `at`: see MpegPictureType. */
export function mpegPictureType(bytes: Buffer, at: number): number {
  return (bytes[at + 5]! >> 3) & 7;
}

/** Whether decoding can start at this frame: an I-picture. */
export function isMpegVideoKeyframe(frame: Buffer): boolean {
  const at = findMpegPicture(frame, 0, frame.length);
  return at < frame.length && mpegPictureType(frame, at) === MpegPictureType.intra;
}

// Reads a sample entry: which codec a track has, what a decoder must know of it, and how its samples are framed.
import { parseAacConfig } from "#codecs/aac/config.ts";
import { ObuType, obuType, splitObus } from "#codecs/av1/obu.ts";
import type { Ac3Parameters, Parameters } from "#codecs/codec.ts";
import { type Box, childBoxes } from "./box-reader.ts";
import { ObjectType, parseElementaryDescriptor } from "./elementary-descriptor.ts";
import { parseAvcConfig, parseHevcConfig } from "./nal-config.ts";

/**
 * `nal`: lengths of `lengthBytes` before NAL units. `obu`: OBUs with size fields. `pcm-swapped`: little-endian samples of `lengthBytes`. `plain`: as
 * it is.
 */
export interface SampleFraming {
  readonly kind: "nal" | "obu" | "pcm-swapped" | "plain";
  readonly lengthBytes: number;
}

export interface ParsedEntry {
  readonly kind: "video" | "audio";
  readonly parameters: Parameters;
  readonly framing: SampleFraming;
}

/** Where the boxes inside of an entry begin, ISO/IEC 14496-12 §12.1.3 and §12.2.3. */
const VIDEO_FIELDS_BYTES = 78;
const AUDIO_FIELDS_BYTES = 28;
const PLAIN: SampleFraming = { kind: "plain", lengthBytes: 0 };
const AC3_RATES_HZ: readonly number[] = [48_000, 44_100, 32_000]; // fscod
/** What RFC 3640 streams mostly have; a file has none of them. */
const AAC_LENGTHS = { sizeLength: 13, indexLength: 3, indexDeltaLength: 3 };

/** Undefined: a codec that is not known, or broken. `clockRateHz` is the track's: the entry may not tell the sample rate. */
export function parseSampleEntry(bytes: Buffer, entry: Box, clockRateHz: number): ParsedEntry | undefined {
  switch (entry.type) {
    case "avc1":
    case "avc3":
    case "hvc1":
    case "hev1":
    case "av01":
    case "vp09":
    case "mp4v":
      return parseVideoEntry(bytes, entry);
    case "mp4a":
    case "Opus":
    case "ac-3":
    case "ipcm":
      return parseAudioEntry(bytes, entry, clockRateHz);
    default:
      return undefined;
  }
}

function video(parameters: Parameters, framing = PLAIN): ParsedEntry {
  return { kind: "video", parameters, framing };
}

function audio(parameters: Parameters, framing = PLAIN): ParsedEntry {
  return { kind: "audio", parameters, framing };
}

function parseVideoEntry(bytes: Buffer, entry: Box): ParsedEntry | undefined {
  const fields = entry.body;
  if (fields + VIDEO_FIELDS_BYTES > entry.end) return undefined;
  const picture = { widthPx: bytes.readUInt16BE(fields + 24), heightPx: bytes.readUInt16BE(fields + 26) };
  for (const box of childBoxes(bytes, fields + VIDEO_FIELDS_BYTES, entry.end)) {
    switch (box.type) {
      case "avcC": {
        const config = parseAvcConfig(bytes, box);
        return config && video(config.parameters, { kind: "nal", lengthBytes: config.lengthBytes });
      }
      case "hvcC": {
        const config = parseHevcConfig(bytes, box);
        return config && video(config.parameters, { kind: "nal", lengthBytes: config.lengthBytes });
      }
      case "av1C":
        return parseAv1Config(bytes, box);
      case "vpcC":
        return parseVp9Config(bytes, box, picture);
      case "esds":
        return parseMpegVideo(bytes, box, picture);
      default:
    }
  }
  return undefined;
}

type Picture = { readonly widthPx: number; readonly heightPx: number };

/** AV1 in ISOBMFF §2.3.3: four bytes, then OBUs; the sequence header may be missing there. */
function parseAv1Config(bytes: Buffer, { body, end }: Box): ParsedEntry | undefined {
  if (body + 4 > end || bytes[body] !== 0x81) return undefined;
  const obus = splitObus(bytes.subarray(body + 4, end)) ?? [];
  const sequenceHeader = obus.find((obu) => obu.length > 0 && obuType(obu[0]!) === ObuType.sequenceHeader);
  const framing: SampleFraming = { kind: "obu", lengthBytes: 0 };
  return video(sequenceHeader === undefined ? { codec: "av1" } : { codec: "av1", sequenceHeader: Buffer.from(sequenceHeader) }, framing);
}

function parseVp9Config(bytes: Buffer, { body, end }: Box, picture: Picture): ParsedEntry | undefined {
  if (body + 8 > end || bytes[body] !== 1) return undefined;
  const profile = bytes[body + 4]!;
  const depths = bytes[body + 6]!;
  const bitDepth = depths >> 4;
  const chroma = (depths >> 1) & 7;
  if (profile > 3 || chroma > 3 || (bitDepth !== 8 && bitDepth !== 10 && bitDepth !== 12)) return undefined;
  const chromaSubsampling = chroma as 0 | 1 | 2 | 3;
  return video({ codec: "vp9", picture: { ...picture, profile, bitDepth, chromaSubsampling, fullRange: (depths & 1) === 1 } });
}

function parseMpegVideo(bytes: Buffer, box: Box, picture: Picture): ParsedEntry | undefined {
  const descriptor = parseElementaryDescriptor(bytes, box);
  if (descriptor === undefined) return undefined;
  const { objectType, specificInfo } = descriptor;
  const config = specificInfo.length > 0 ? { config: specificInfo } : {};
  if (objectType === ObjectType.jpeg) return video({ codec: "mjpeg", picture });
  if (objectType === ObjectType.mpeg4Video) return video({ codec: "mpeg4-video", ...config });
  const isMpeg2 = objectType >= ObjectType.mpeg2VideoFirst && objectType <= ObjectType.mpeg2VideoLast;
  return isMpeg2 || objectType === ObjectType.mpeg1Video ? video({ codec: "mpeg1-video", ...config }) : undefined;
}

interface AudioShape {
  readonly sampleRateHz: number;
  readonly channelCount: number;
}

function parseAudioEntry(bytes: Buffer, entry: Box, clockRateHz: number): ParsedEntry | undefined {
  const fields = entry.body;
  if (fields + AUDIO_FIELDS_BYTES > entry.end) return undefined;
  const channelCount = bytes.readUInt16BE(fields + 16);
  const sampleRateHz = bytes.readUInt16BE(fields + 24) || clockRateHz;
  for (const box of childBoxes(bytes, fields + AUDIO_FIELDS_BYTES, entry.end)) {
    switch (box.type) {
      case "esds":
        return parseMpegAudio(bytes, box, { sampleRateHz, channelCount });
      case "dOps": // Opus in ISOBMFF §4.3.2
        return box.body + 11 <= box.end ? audio({ codec: "opus", channelCount: bytes[box.body + 1]! }) : undefined;
      case "dac3":
        return parseAc3Config(bytes, box, channelCount);
      case "pcmC":
        return parsePcmConfig(bytes, box, { sampleRateHz, channelCount });
      default:
    }
  }
  return undefined;
}

function parseMpegAudio(bytes: Buffer, box: Box, shape: AudioShape): ParsedEntry | undefined {
  const descriptor = parseElementaryDescriptor(bytes, box);
  if (descriptor === undefined) return undefined;
  const { objectType, specificInfo: config } = descriptor;
  if (objectType === ObjectType.mpeg1Audio || objectType === ObjectType.mpeg2Audio) return audio({ codec: "mp3", ...shape });
  const isMpeg2Aac = objectType >= ObjectType.mpeg2AacFirst && objectType <= ObjectType.mpeg2AacLast;
  const parsed = objectType === ObjectType.aac || isMpeg2Aac ? parseAacConfig(config) : undefined;
  if (parsed === undefined) return undefined;
  return audio({ codec: "aac", config, sampleRateHz: parsed.sampleRateHz, channelCount: parsed.channelCount, ...AAC_LENGTHS });
}

/** ETSI TS 102 366 §F.4 */
function parseAc3Config(bytes: Buffer, { body, end }: Box, channelCount: number): ParsedEntry | undefined {
  if (body + 3 > end) return undefined;
  const bits = bytes.readUIntBE(body, 3);
  const fscod = bits >> 22;
  const sampleRateHz = AC3_RATES_HZ[fscod];
  if (sampleRateHz === undefined) return undefined;
  const syncInfo: NonNullable<Ac3Parameters["syncInfo"]> = {
    fscod,
    bsid: (bits >> 17) & 0x1f,
    bsmod: (bits >> 14) & 7,
    acmod: (bits >> 11) & 7,
    lfeOn: (bits & 0x400) !== 0,
    bitRateCode: (bits >> 5) & 0x1f,
  };
  return audio({ codec: "ac3", sampleRateHz, channelCount, syncInfo });
}

/** ISO/IEC 23003-5 §5.2 */
function parsePcmConfig(bytes: Buffer, { body, end }: Box, shape: AudioShape): ParsedEntry | undefined {
  if (body + 6 > end || shape.channelCount === 0) return undefined;
  const bitDepth = bytes[body + 5]!;
  if (bitDepth !== 8 && bitDepth !== 16 && bitDepth !== 24) return undefined;
  const isLittleEndian = (bytes[body + 4]! & 1) === 1 && bitDepth > 8;
  return audio({ codec: "lpcm", bitDepth, ...shape }, isLittleEndian ? { kind: "pcm-swapped", lengthBytes: bitDepth / 8 } : PLAIN);
}

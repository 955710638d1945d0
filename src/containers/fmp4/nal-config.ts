// Decoder configuration records of H.264 (`avcC`) and H.265 (`hvcC`), ISO/IEC 14496-15 §5.3.3.1 and §8.3.3.1.
import type { H264Parameters, H265Parameters } from "#codecs/codec.ts";
import { parseH264Sps } from "#codecs/h264/sps.ts";
import { H265NalType } from "#codecs/h265/nal.ts";
import { parseH265Sps } from "#codecs/h265/sps.ts";
import { MAX_PARAMETER_SETS } from "#codecs/limits.ts";
import type { Box } from "./box-reader.ts";
import type { BoxWriter } from "./box-writer.ts";

/** Parameters of a record, and how long the length before each NAL unit of a sample is: 1, 2 or 4 bytes. */
export interface NalConfig<P> {
  readonly parameters: P;
  readonly lengthBytes: number;
}

/** Profiles without the fields for chroma format and bit depth, §5.3.3.1.2. */
const H264_LOW_PROFILES: ReadonlySet<number> = new Set([66, 77, 88]);
/** 31 fit into the field; more than 32 are never kept. */
const MAX_H264_SPS = 31;

function writeSet(writer: BoxWriter, set: Buffer): void {
  writer.u16(set.length).bytes(set);
}

/** `listed`: the sets that go into the record. `described` tells of the stream, its first SPS at least. False: that cannot be read. */
export function writeAvcConfig(writer: BoxWriter, described: H264Parameters, listed: H264Parameters): boolean {
  const set = described.sps[0];
  const sps = set && parseH264Sps(set);
  if (set === undefined || sps === undefined) return false;
  const spsList = listed.sps.slice(0, MAX_H264_SPS);
  writer.box("avcC", () => {
    writer.u8(1).bytes(set.subarray(1, 4)); // version; profile, constraints, level
    writer.u8(0xff); // lengthSizeMinusOne 3
    writer.u8(0xe0 | spsList.length);
    for (const one of spsList) writeSet(writer, one);
    writer.u8(listed.pps.length);
    for (const one of listed.pps) writeSet(writer, one);
    if (H264_LOW_PROFILES.has(sps.profileIdc)) return;
    writer.u8(0xfc | sps.chromaFormat).u8(0xf8 | (sps.bitDepthLuma - 8));
    writer.u8(0xf8 | (sps.bitDepthChroma - 8)).u8(0); // no SPS extensions
  });
  return true;
}

/** As `writeAvcConfig`. `complete`: no sets of these kinds stand in samples. */
export function writeHevcConfig(writer: BoxWriter, described: H265Parameters, listed: H265Parameters, complete: boolean): boolean {
  const sps = described.sps[0] && parseH265Sps(described.sps[0]);
  if (sps === undefined) return false;
  const arrays = [
    { type: H265NalType.vps, sets: listed.vps },
    { type: H265NalType.sps, sets: listed.sps },
    { type: H265NalType.pps, sets: listed.pps },
  ].filter(({ sets }) => sets.length > 0);
  writer.box("hvcC", () => {
    writer.u8(1).bytes(sps.profileTierLevel);
    writer.u16(0xf000).u8(0xfc); // min_spatial_segmentation_idc and parallelismType: not known
    writer.u8(0xfc | sps.chromaFormat);
    writer.u8(0xf8 | (sps.bitDepthLuma - 8)).u8(0xf8 | (sps.bitDepthChroma - 8));
    writer.u16(0); // avgFrameRate: not known
    writer.u8((sps.subLayers << 3) | (sps.temporalIdNesting ? 4 : 0) | 3); // lengthSizeMinusOne 3
    writer.u8(arrays.length);
    for (const { type, sets } of arrays) {
      writer.u8((complete ? 0x80 : 0) | type).u16(sets.length);
      for (const set of sets) writeSet(writer, set);
    }
  });
  return true;
}

/** Reads 16-bit length and set from `at` on; undefined when they do not fit. The sets are copies. */
function readSets(bytes: Buffer, at: number, end: number, count: number, into: Buffer[]): number | undefined {
  for (let i = 0; i < count; i++) {
    if (at + 2 > end) return undefined;
    const next = at + 2 + bytes.readUInt16BE(at);
    if (next > end) return undefined;
    if (next > at + 2 && into.length < MAX_PARAMETER_SETS) into.push(Buffer.from(bytes.subarray(at + 2, next)));
    at = next;
  }
  return at;
}

function lengthBytesOf(field: number): number | undefined {
  return (field & 3) === 2 ? undefined : (field & 3) + 1;
}

export function parseAvcConfig(bytes: Buffer, { body, end }: Box): NalConfig<H264Parameters> | undefined {
  if (body + 7 > end || bytes[body] !== 1) return undefined;
  const lengthBytes = lengthBytesOf(bytes[body + 4]!);
  const sps: Buffer[] = [];
  const pps: Buffer[] = [];
  const at = readSets(bytes, body + 6, end, bytes[body + 5]! & 0x1f, sps);
  if (lengthBytes === undefined || at === undefined || at >= end) return undefined;
  if (readSets(bytes, at + 1, end, bytes[at]!, pps) === undefined) return undefined;
  return { lengthBytes, parameters: { codec: "h264", sps, pps } };
}

export function parseHevcConfig(bytes: Buffer, { body, end }: Box): NalConfig<H265Parameters> | undefined {
  if (body + 23 > end || bytes[body] !== 1) return undefined;
  const lengthBytes = lengthBytesOf(bytes[body + 21]!);
  if (lengthBytes === undefined) return undefined;
  const [vps, sps, pps, others]: Buffer[][] = [[], [], [], []];
  let at: number | undefined = body + 23;
  for (let left = bytes[body + 22]!; left > 0; left--) {
    if (at === undefined || at + 3 > end) return undefined;
    const type = bytes[at]! & 0x3f;
    const into = type === H265NalType.vps ? vps : type === H265NalType.sps ? sps : type === H265NalType.pps ? pps : others;
    at = readSets(bytes, at + 3, end, bytes.readUInt16BE(at + 1), into!);
  }
  return at === undefined ? undefined : { lengthBytes, parameters: { codec: "h265", vps: vps!, sps: sps!, pps: pps! } };
}

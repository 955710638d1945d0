// RTP payload for H.264, RFC 6184: single NAL units, STAP-A and FU-A, in packetization modes 0 and 1.
import { isStartCode, nextStartCode } from "#codecs/annex-b.ts";
import type { H264Parameters, Parameters } from "#codecs/codec.ts";
import { H264NalType, h264NalType, isH264Slice } from "#codecs/h264/nal.ts";
import { parseH264Sps } from "#codecs/h264/sps.ts";
import { mergeH264Sets } from "#codecs/parameter-sets.ts";
import { hasSeiMessage, RECOVERY_POINT } from "#codecs/sei.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";
import { NalCollector } from "./nal-collector.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import { type FormatDescription, PacketHas, type PayloadFormat } from "./payload-format.ts";
import { parseFmtp } from "./sdp-text.ts";
import { parseSprop, writeSprop } from "./sprop.ts";

/** §5.2 table 1; STAP-B, MTAP and FU-B belong to the interleaved mode and are ignored. */
const STAP_A = 24;
const FU_A = 28;
/** §5.8 */
const FU_START = 0x80;
const FU_END = 0x40;

function hasOf(type: number): number {
  if (type === H264NalType.idrSlice) return PacketHas.slice | PacketHas.keyframe;
  if (isH264Slice(type)) return PacketHas.slice;
  return type === H264NalType.sps || type === H264NalType.pps ? PacketHas.parameters : 0;
}

/** Of a whole NAL unit. */
function hasOfNal(bytes: Buffer, start: number, end: number): number {
  const type = h264NalType(bytes[start]!);
  if (type !== H264NalType.sei) return hasOf(type);
  return hasSeiMessage(bytes, start + 1, end, RECOVERY_POINT) ? PacketHas.recoveryPoint : 0;
}

/** What stands behind start codes in a packet that holds a byte stream against §5.6. */
function hasBehindStartCodes(bytes: Buffer, start: number, end: number): number {
  let has = 0;
  for (let at = nextStartCode(bytes, start, end); at + 3 < end; at = nextStartCode(bytes, at + 3, end))
    has |= hasOf(h264NalType(bytes[at + 3]!));
  return has;
}

function inspect(bytes: Buffer, start: number, end: number): number {
  if (end <= start) return 0;
  const type = h264NalType(bytes[start]!);
  if (type === FU_A) return end - start < 2 ? 0 : hasOf(h264NalType(bytes[start + 1]!));
  if (isH264Slice(type)) return hasOf(type);
  if (type === STAP_A) {
    let has = 0;
    for (let at = start + 1; at + 2 < end; ) {
      const nalEnd = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
      has |= hasOfNal(bytes, at + 2, Math.min(nalEnd, end));
      at = nalEnd;
    }
    return has;
  }
  return hasOfNal(bytes, start, end) | hasBehindStartCodes(bytes, start, end);
}

/** §5.7.1: sizes of 16 bits before each NAL unit; one that is cut short ends the walk. */
function addAggregated(collector: NalCollector, bytes: Buffer, start: number, end: number): void {
  collector.drop();
  for (let at = start; at + 2 < end; ) {
    const nalEnd = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
    if (nalEnd > end) return;
    collector.addWhole(at + 2, nalEnd);
    at = nalEnd;
  }
}

function depacketize(burst: PacketBurst, _parameters: Parameters, memory?: Buffer): readonly Buffer[] | undefined {
  const cursor = new PayloadCursor(burst);
  const { bytes } = cursor;
  const collector = new NalCollector(bytes, memory);
  while (cursor.next()) {
    const { start, end } = cursor;
    if (!cursor.continuous) collector.drop();
    const type = h264NalType(bytes[start]!);
    if (type === FU_A) {
      if (end - start < 2) {
        collector.drop();
        continue;
      }
      const flags = bytes[start + 1]!;
      if ((flags & FU_START) !== 0) collector.begin([(bytes[start]! & 0xe0) | h264NalType(flags)], start + 2, end);
      else collector.add(start + 2, end);
      if ((flags & FU_END) !== 0) collector.finish(); // with FU_START too, against §5.8, from some cameras
    } else if (type === STAP_A) addAggregated(collector, bytes, start + 1, end);
    else if (type > 0 && type < STAP_A) collector.addWhole(start, end);
    else if (isStartCode(bytes, start, end)) collector.addWhole(start, end);
    else collector.drop();
  }
  return collector.frame;
}

function addFragments(nalUnit: Buffer, last: boolean, maxPayloadBytes: number, out: BurstBuilder): void {
  const header = nalUnit[0]!;
  for (let at = 1; at < nalUnit.length; ) {
    const size = Math.min(maxPayloadBytes - 2, nalUnit.length - at);
    const isEnd = at + size === nalUnit.length;
    const to = out.add(size + 2, last && isEnd);
    out.bytes[to] = (header & 0xe0) | FU_A;
    out.bytes[to + 1] = (at === 1 ? FU_START : 0) | (isEnd ? FU_END : 0) | h264NalType(header);
    nalUnit.copy(out.bytes, to + 2, at, at + size);
    at += size;
  }
}

function addAggregate(
  nalUnits: readonly Buffer[],
  first: number,
  end: number,
  payloadBytes: number,
  last: boolean,
  out: BurstBuilder,
): void {
  let to = out.add(payloadBytes, last);
  const bytes = out.bytes;
  const header = to++;
  let importance = 0; // nal_ref_idc: the highest of them, §5.7
  let forbidden = 0; // F: set if any is
  for (let i = first; i < end; i++) {
    const nalUnit = nalUnits[i]!;
    importance = Math.max(importance, nalUnit[0]! & 0x60);
    forbidden |= nalUnit[0]! & 0x80;
    to = bytes.writeUInt16BE(nalUnit.length, to);
    to += nalUnit.copy(bytes, to);
  }
  bytes[header] = forbidden | importance | STAP_A;
}

/** Types that have a meaning of their own in RTP, or none, cannot be sent. */
function isSendable(nalUnit: Buffer): boolean {
  const type = nalUnit.length > 0 ? h264NalType(nalUnit[0]!) : 0;
  return type > 0 && type < STAP_A;
}

function packetize(frame: readonly Buffer[], _parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void {
  if (maxPayloadBytes < 3) return;
  const nalUnits = frame.every(isSendable) ? frame : frame.filter(isSendable);
  for (let first = 0; first < nalUnits.length; ) {
    const nalUnit = nalUnits[first]!;
    let end = first;
    let aggregateBytes = 1;
    for (; end < nalUnits.length; end++) {
      const size = 2 + nalUnits[end]!.length;
      if (aggregateBytes + size > maxPayloadBytes || size > 0xffff) break;
      aggregateBytes += size;
    }
    if (end > first + 1) {
      addAggregate(nalUnits, first, end, aggregateBytes, end === nalUnits.length, out);
      first = end;
      continue;
    }
    const last = ++first === nalUnits.length;
    if (nalUnit.length > maxPayloadBytes) addFragments(nalUnit, last, maxPayloadBytes, out);
    else {
      const to = out.add(nalUnit.length, last);
      nalUnit.copy(out.bytes, to);
    }
  }
}

export const h264Payload: PayloadFormat = {
  codec: "h264",
  frameEnd: "marker",
  inspect,
  depacketize,
  packetize,
  readParameters(frame, known) {
    if (known.codec !== "h264") return undefined;
    const merged = mergeH264Sets(known, frame);
    return merged === known ? undefined : merged;
  },
};

/** §8.2.1. Profile and level are left out until a SPS is known. */
export function describeH264(parameters: H264Parameters): FormatDescription {
  const items = ["packetization-mode=1"];
  const sps = parameters.sps[0];
  if (sps !== undefined && parseH264Sps(sps) !== undefined) items.push(`profile-level-id=${sps.toString("hex", 1, 4).toUpperCase()}`);
  const sets = writeSprop([...parameters.sps, ...parameters.pps]);
  if (sets !== "") items.push(`sprop-parameter-sets=${sets}`);
  return { payloadType: undefined, rtpmap: "H264/90000", fmtp: items.join("; ") };
}

/** Missing, empty or broken sprop-parameter-sets give no sets: they come in the stream. */
export function h264FromSdp(description: FormatDescription): H264Parameters {
  return mergeH264Sets({ codec: "h264", sps: [], pps: [] }, parseSprop(parseFmtp(description.fmtp).get("sprop-parameter-sets")));
}

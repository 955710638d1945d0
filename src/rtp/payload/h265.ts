// RTP payload for H.265, RFC 7798: single NAL units, aggregation packets, fragmentation units and PACI, with or without DONL.
import { isStartCode } from "#codecs/annex-b.ts";
import type { H265Parameters, Parameters } from "#codecs/codec.ts";
import { H265NalType, h265NalType, isH265RandomAccess, isH265Slice } from "#codecs/h265/nal.ts";
import { mergeH265Sets } from "#codecs/parameter-sets.ts";
import { hasSeiMessage, RECOVERY_POINT } from "#codecs/sei.ts";
import type { PacketBurst } from "#rtp/burst.ts";
import { packetizeH265 } from "./h265-packetize.ts";
import { NalCollector } from "./nal-collector.ts";
import { PayloadCursor } from "./payload-cursor.ts";
import { type FormatDescription, PacketHas, type PayloadFormat } from "./payload-format.ts";
import { fmtpNumber, parseFmtp } from "./sdp-text.ts";
import { parseSprop, writeSprop } from "./sprop.ts";

/** §4.4: payload structures, in the place of a NAL unit type. */
const AP = 48;
const FU = 49;
const PACI = 50;
/** §4.4.3 */
const FU_START = 0x80;
const FU_END = 0x40;
const HEADER_BYTES = 2;

function hasOf(type: number): number {
  if (isH265RandomAccess(type)) return PacketHas.slice | PacketHas.keyframe;
  if (isH265Slice(type)) return PacketHas.slice;
  return type <= H265NalType.pps ? PacketHas.parameters : 0;
}

/** Of a whole NAL unit; `header` is its first byte, and its body is bytes[body … end). */
function hasOfNal(header: number, bytes: Buffer, body: number, end: number): number {
  const type = h265NalType(header);
  if (type !== H265NalType.prefixSei) return hasOf(type);
  return hasSeiMessage(bytes, body, end, RECOVERY_POINT) ? PacketHas.recoveryPoint : 0;
}

/** The NAL units of an aggregation packet whose sizes fill it exactly; -1 when they do not. `at` is behind the payload header. */
function hasOfAggregate(bytes: Buffer, at: number, end: number, donl: boolean): number {
  let has = 0;
  if (donl) at += 2;
  while (at + 2 < end) {
    const nalEnd = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
    has |= hasOfNal(bytes[at + 2]!, bytes, at + 2 + HEADER_BYTES, Math.min(nalEnd, end));
    at = nalEnd;
    if (at === end) return has;
    if (donl) at += 1; // DOND
  }
  return -1;
}

function inspectBody(type: number, bytes: Buffer, at: number, end: number): number {
  if (type === FU) return at < end ? hasOf(bytes[at]! & 0x3f) : 0;
  if (type !== AP) return type < AP ? hasOfNal(type << 1, bytes, at, end) : 0;
  // Whether there are order numbers is known from SDP only, but just one reading fits.
  const has = hasOfAggregate(bytes, at, end, false);
  return has >= 0 ? has : Math.max(0, hasOfAggregate(bytes, at, end, true));
}

/** §4.4.4: past PHSsize bytes of extensions. */
function paciBody(bytes: Buffer, start: number): number {
  return start + 4 + (((bytes[start + 2]! & 1) << 4) | (bytes[start + 3]! >> 4));
}

function paciType(bytes: Buffer, start: number): number {
  return h265NalType(bytes[start + 2]!);
}

function inspect(bytes: Buffer, start: number, end: number): number {
  if (end - start < HEADER_BYTES) return 0;
  const type = h265NalType(bytes[start]!);
  if (type !== PACI) return inspectBody(type, bytes, start + HEADER_BYTES, end);
  return end - start < 4 ? 0 : inspectBody(paciType(bytes, start), bytes, paciBody(bytes, start), end);
}

function addAggregated(collector: NalCollector, bytes: Buffer, at: number, end: number, donl: boolean): void {
  collector.drop();
  if (donl) at += 2;
  while (at + 2 < end) {
    const nalEnd = at + 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
    if (nalEnd > end) return;
    collector.addWhole(at + 2, nalEnd);
    at = nalEnd + (donl ? 1 : 0);
  }
}

/** A payload taken apart: one of PACI, or any but a plain NAL unit. The header's type says what `at … end` is. */
interface Part {
  readonly header: readonly [first: number, second: number];
  readonly at: number;
  readonly end: number;
}

function addFragment(collector: NalCollector, bytes: Buffer, { header, at, end }: Part, donl: boolean): void {
  const flags = bytes[at]!;
  if ((flags & FU_START) !== 0) {
    const body = at + (donl ? 3 : 1);
    if (body <= end) collector.begin([(header[0] & 0x81) | ((flags & 0x3f) << 1), header[1]], body, end);
    else collector.drop();
  } else collector.add(at + 1, end);
  if ((flags & FU_END) !== 0) collector.finish();
}

function addPart(collector: NalCollector, bytes: Buffer, part: Part, donl: boolean): void {
  const { header, at, end } = part;
  const type = h265NalType(header[0]);
  const body = at + (donl ? 2 : 0);
  if (type === FU && at < end) addFragment(collector, bytes, part, donl);
  else if (type === AP) addAggregated(collector, bytes, at, end, donl);
  else if (type < AP && body < end) {
    collector.begin(header, body, end);
    collector.finish();
  } else collector.drop();
}

function depacketize(burst: PacketBurst, parameters: Parameters, memory?: Buffer): readonly Buffer[] | undefined {
  const donl = parameters.codec === "h265" && (parameters.maxDonDiff ?? 0) > 0;
  const cursor = new PayloadCursor(burst);
  const { bytes } = cursor;
  const collector = new NalCollector(bytes, memory);
  while (cursor.next()) {
    const { start, end } = cursor;
    if (!cursor.continuous) collector.drop();
    if (end - start < HEADER_BYTES) {
      collector.drop();
      continue;
    }
    const first = bytes[start]!;
    const second = bytes[start + 1]!;
    const type = h265NalType(first);
    if (type === PACI) {
      const inner = (first & 0x01) | (bytes[start + 2]! & 0xfe); // A and cType stand where F and Type do
      if (end - start > 4) addPart(collector, bytes, { header: [inner, second], at: paciBody(bytes, start), end }, donl);
    } else if (isStartCode(bytes, start, end) || (type < AP && !donl)) collector.addWhole(start, end);
    else addPart(collector, bytes, { header: [first, second], at: start + HEADER_BYTES, end }, donl);
  }
  return collector.frame;
}

export const h265Payload: PayloadFormat = {
  codec: "h265",
  frameEnd: "marker",
  inspect,
  depacketize,
  packetize: packetizeH265,
  readParameters(frame, known) {
    if (known.codec !== "h265") return undefined;
    const merged = mergeH265Sets(known, frame);
    return merged === known ? undefined : merged;
  },
};

/** §7.1 */
export function describeH265(parameters: H265Parameters): FormatDescription {
  const items: string[] = [];
  for (const kind of ["vps", "sps", "pps"] as const) {
    if (parameters[kind].length > 0) items.push(`sprop-${kind}=${writeSprop(parameters[kind])}`);
  }
  if (parameters.maxDonDiff !== undefined && parameters.maxDonDiff > 0) items.push(`sprop-max-don-diff=${parameters.maxDonDiff}`);
  return { payloadType: undefined, rtpmap: "H265/90000", fmtp: items.length > 0 ? items.join("; ") : undefined };
}

/** Missing, empty or broken sets give none: they come in the stream. */
export function h265FromSdp(description: FormatDescription): H265Parameters {
  const items = parseFmtp(description.fmtp);
  const maxDonDiff = fmtpNumber(items, "sprop-max-don-diff") ?? 0;
  const empty: H265Parameters = { codec: "h265", vps: [], sps: [], pps: [], ...(maxDonDiff > 0 ? { maxDonDiff } : {}) };
  return mergeH265Sets(empty, parseSprop(items.get("sprop-vps"), items.get("sprop-sps"), items.get("sprop-pps")));
}

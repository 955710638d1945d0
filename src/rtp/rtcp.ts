// RTCP packets, RFC 3550 §6, and feedback messages: lost packets (RFC 4585 §6.2.1), keyframes that are wanted (RFC 4585 §6.3.1, RFC 5104 §4.3.1).

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const BYE = 203;
const TRANSPORT_FEEDBACK = 205;
const PAYLOAD_FEEDBACK = 206;
const FEEDBACK_NACK = 1;
const FEEDBACK_PLI = 1;
const FEEDBACK_FIR = 4;
const FEEDBACK_APPLICATION = 15;

/** Nobody misses more and goes on. */
const MAX_LOST = 1024;

/** Seconds from 1900 (NTP) to 1970. */
const NTP_EPOCH_OFFSET_S = 2_208_988_800;

export interface ReportBlock {
  readonly ssrc: number;
  /** Lost since the last report, in 1/256. */
  readonly fractionLost: number;
  /** Signed, 24 bits. */
  readonly cumulativeLost: number;
  readonly highestSequence: number;
  /** In timestamp ticks. */
  readonly jitter: number;
  readonly lastSenderReport: number;
  /** 1/65536 s. */
  readonly delaySinceLast: number;
}

export type RtcpPacket =
  | {
      readonly kind: "sender-report";
      readonly ssrc: number;
      /** NTP time as sent, seconds since 1900 and 1/2^32 s. */
      readonly ntpSeconds: number;
      readonly ntpFraction: number;
      readonly timestamp: number;
      readonly packets: number;
      readonly octets: number;
      readonly reports: readonly ReportBlock[];
    }
  | { readonly kind: "receiver-report"; readonly ssrc: number; readonly reports: readonly ReportBlock[] }
  | { readonly kind: "bye"; readonly ssrcs: readonly number[] }
  | { readonly kind: "keyframe-request"; readonly ssrc: number }
  /** Packets that the peer misses, by 16-bit sequence number. */
  | { readonly kind: "lost"; readonly ssrc: number; readonly sequences: readonly number[] };

/** UTC microseconds of a 64-bit NTP time; meaningless for a sender that has no wall clock. */
export function ntpToUtcUs(seconds: number, fraction: number): number {
  return (seconds - NTP_EPOCH_OFFSET_S) * 1e6 + Math.round((fraction * 1e6) / 2 ** 32);
}

/** The packets of a compound that are understood, in order; what is malformed ends the list. */
export function parseRtcp(bytes: Buffer, start: number, end: number): RtcpPacket[] {
  const packets: RtcpPacket[] = [];
  let at = start;
  while (at + 8 <= end && bytes[at]! >> 6 === 2) {
    const count = bytes[at]! & 0x1f;
    const type = bytes[at + 1]!;
    const next = at + 4 + bytes.readUInt16BE(at + 2) * 4;
    if (next > end) break;
    const packet = parseOne(bytes, at, next, type, count);
    if (packet !== undefined) packets.push(packet);
    at = next;
  }
  return packets;
}

function parseOne(bytes: Buffer, at: number, end: number, type: number, count: number): RtcpPacket | undefined {
  if (end - at < 8) return undefined;
  const ssrc = bytes.readUInt32BE(at + 4);
  switch (type) {
    case SENDER_REPORT:
      if (end - at < 28) return undefined;
      return {
        kind: "sender-report",
        ssrc,
        ntpSeconds: bytes.readUInt32BE(at + 8),
        ntpFraction: bytes.readUInt32BE(at + 12),
        timestamp: bytes.readUInt32BE(at + 16),
        packets: bytes.readUInt32BE(at + 20),
        octets: bytes.readUInt32BE(at + 24),
        reports: parseReports(bytes, at + 28, end, count),
      };
    case RECEIVER_REPORT:
      return { kind: "receiver-report", ssrc, reports: parseReports(bytes, at + 8, end, count) };
    case BYE: {
      const ssrcs: number[] = [];
      for (let i = 0; i < count && at + 8 + i * 4 <= end; i++) ssrcs.push(bytes.readUInt32BE(at + 4 + i * 4));
      return { kind: "bye", ssrcs };
    }
    case TRANSPORT_FEEDBACK:
      if (count !== FEEDBACK_NACK || end - at < 16) return undefined;
      return { kind: "lost", ssrc: bytes.readUInt32BE(at + 8), sequences: parseLost(bytes, at + 12, end) };
    case PAYLOAD_FEEDBACK:
      if (count === FEEDBACK_PLI && end - at >= 12) return { kind: "keyframe-request", ssrc: bytes.readUInt32BE(at + 8) };
      if (count === FEEDBACK_FIR && end - at >= 20) return { kind: "keyframe-request", ssrc: bytes.readUInt32BE(at + 12) };
      return undefined;
    default:
      return undefined;
  }
}

/** A number, and a bit for each of the 16 behind it. */
function parseLost(bytes: Buffer, start: number, end: number): number[] {
  const sequences: number[] = [];
  for (let at = start; at + 4 <= end && sequences.length < MAX_LOST; at += 4) {
    const first = bytes.readUInt16BE(at);
    const following = bytes.readUInt16BE(at + 2);
    sequences.push(first);
    for (let bit = 0; bit < 16; bit++) if ((following & (1 << bit)) !== 0) sequences.push((first + bit + 1) & 0xffff);
  }
  return sequences;
}

function parseReports(bytes: Buffer, start: number, end: number, count: number): ReportBlock[] {
  const reports: ReportBlock[] = [];
  for (let at = start; reports.length < count && at + 24 <= end; at += 24) {
    reports.push({
      ssrc: bytes.readUInt32BE(at),
      fractionLost: bytes[at + 4]!,
      cumulativeLost: bytes.readIntBE(at + 5, 3),
      highestSequence: bytes.readUInt32BE(at + 8),
      jitter: bytes.readUInt32BE(at + 12),
      lastSenderReport: bytes.readUInt32BE(at + 16),
      delaySinceLast: bytes.readUInt32BE(at + 20),
    });
  }
  return reports;
}

/** A sender report with the canonical name behind it (§6.1: a compound holds an SDES CNAME). `utcUs` is the UTC time of `timestamp`. */
export function writeSenderReport(report: {
  readonly ssrc: number;
  readonly utcUs: number;
  readonly timestamp: number;
  readonly packets: number;
  readonly octets: number;
}): Buffer {
  const bytes = Buffer.alloc(28 + descriptionBytes());
  const seconds = Math.floor(report.utcUs / 1e6);
  writeHeader(bytes, 0, 0, SENDER_REPORT, 28);
  bytes.writeUInt32BE(report.ssrc, 4);
  bytes.writeUInt32BE((seconds + NTP_EPOCH_OFFSET_S) % 2 ** 32, 8);
  bytes.writeUInt32BE(Math.floor(((report.utcUs - seconds * 1e6) * 2 ** 32) / 1e6), 12);
  bytes.writeUInt32BE(report.timestamp >>> 0, 16);
  bytes.writeUInt32BE(report.packets % 2 ** 32, 20);
  bytes.writeUInt32BE(report.octets % 2 ** 32, 24);
  writeDescription(bytes, 28, report.ssrc);
  return bytes;
}

/** A receiver report on one sender, with SDES. */
export function writeReceiverReport(ssrc: number, block: ReportBlock | undefined): Buffer {
  const size = block === undefined ? 8 : 32;
  const bytes = Buffer.alloc(size + descriptionBytes());
  writeHeader(bytes, 0, block === undefined ? 0 : 1, RECEIVER_REPORT, size);
  bytes.writeUInt32BE(ssrc, 4);
  if (block !== undefined) {
    bytes.writeUInt32BE(block.ssrc, 8);
    bytes[12] = block.fractionLost;
    bytes.writeIntBE(Math.max(-0x800000, Math.min(0x7fffff, block.cumulativeLost)), 13, 3);
    bytes.writeUInt32BE(block.highestSequence % 2 ** 32, 16);
    bytes.writeUInt32BE(Math.round(block.jitter) % 2 ** 32, 20);
    bytes.writeUInt32BE(block.lastSenderReport, 24);
    bytes.writeUInt32BE(block.delaySinceLast, 28);
  }
  writeDescription(bytes, size, ssrc);
  return bytes;
}

/** Nothing more comes from a sender (§6.6). Goes behind a report and its SDES. */
export function writeBye(ssrc: number): Buffer {
  const bytes = Buffer.alloc(8);
  writeHeader(bytes, 0, 1, BYE, 8);
  bytes.writeUInt32BE(ssrc, 4);
  return bytes;
}

/** Picture loss indication: please send a keyframe (RFC 4585 §6.3.1). */
export function writePictureLoss(senderSsrc: number, mediaSsrc: number): Buffer {
  const bytes = Buffer.alloc(12);
  writeHeader(bytes, 0, FEEDBACK_PLI, PAYLOAD_FEEDBACK, 12);
  bytes.writeUInt32BE(senderSsrc, 4);
  bytes.writeUInt32BE(mediaSsrc, 8);
  return bytes;
}

/** Packets that are missing, in ascending order (RFC 4585 §6.2.1). */
export function writeLost(senderSsrc: number, mediaSsrc: number, sequences: readonly number[]): Buffer {
  const items: number[] = [];
  for (const sequence of sequences) {
    const last = items.length - 1;
    const ahead = last < 0 ? 0 : (sequence - (items[last]! >>> 16)) & 0xffff;
    if (last >= 0 && ahead >= 1 && ahead <= 16) items[last] = (items[last]! | (1 << (ahead - 1))) >>> 0;
    else items.push((sequence << 16) >>> 0);
  }
  const bytes = Buffer.alloc(12 + items.length * 4);
  writeHeader(bytes, 0, FEEDBACK_NACK, TRANSPORT_FEEDBACK, bytes.length);
  bytes.writeUInt32BE(senderSsrc, 4);
  bytes.writeUInt32BE(mediaSsrc, 8);
  items.forEach((item, i) => {
    bytes.writeUInt32BE(item, 12 + i * 4);
  });
  return bytes;
}

/** What the path to us carries, as the receiver estimates it: REMB (draft-alvestrand-rmcat-remb-03 §2.2). */
export function writeBitrateEstimate(senderSsrc: number, mediaSsrcs: readonly number[], bitsPerSecond: number): Buffer {
  const bytes = Buffer.alloc(20 + mediaSsrcs.length * 4);
  let exponent = 0;
  while (bitsPerSecond / 2 ** exponent >= 2 ** 18) exponent++;
  writeHeader(bytes, 0, FEEDBACK_APPLICATION, PAYLOAD_FEEDBACK, bytes.length);
  bytes.writeUInt32BE(senderSsrc, 4);
  bytes.write("REMB", 12, "latin1");
  bytes.writeUInt32BE(mediaSsrcs.length * 2 ** 24 + exponent * 2 ** 18 + Math.floor(bitsPerSecond / 2 ** exponent), 16);
  mediaSsrcs.forEach((ssrc, i) => {
    bytes.writeUInt32BE(ssrc, 20 + i * 4);
  });
  return bytes;
}

const CNAME = Buffer.from("camgate");

function descriptionBytes(): number {
  // §6.5: header, SSRC, item type and length, text, at least one zero, padded to a word
  return 4 + (((4 + 2 + CNAME.length + 1 + 3) >> 2) << 2);
}

function writeDescription(bytes: Buffer, at: number, ssrc: number): void {
  writeHeader(bytes, at, 1, SOURCE_DESCRIPTION, descriptionBytes());
  bytes.writeUInt32BE(ssrc, at + 4);
  bytes[at + 8] = 1; // §6.5.1 CNAME
  bytes[at + 9] = CNAME.length;
  CNAME.copy(bytes, at + 10);
}

function writeHeader(bytes: Buffer, at: number, count: number, type: number, sizeBytes: number): void {
  bytes[at] = 0x80 | count;
  bytes[at + 1] = type;
  bytes.writeUInt16BE(sizeBytes / 4 - 1, at + 2);
}

// Open bitstream units of AV1 (AV1 bitstream specification §5.3, §6.2), with and without their size field, and which of them are a keyframe.
import { MAX_NALS_PER_FRAME } from "../limits.ts";
import { leb128Bytes, leb128Size, leb128Value, writeLeb128 } from "./leb128.ts";

/** §6.2.2 */
export const ObuType = {
  sequenceHeader: 1,
  temporalDelimiter: 2,
  frameHeader: 3,
  tileGroup: 4,
  metadata: 5,
  frame: 6,
  redundantFrameHeader: 7,
  tileList: 8,
  padding: 15,
} as const;

/** §5.3.2 obu_extension_flag and obu_has_size_field */
const HAS_EXTENSION = 0x04;
const HAS_SIZE = 0x02;

/** The type in the first byte of an OBU. */
export function obuType(headerByte: number): number {
  return (headerByte >> 3) & 0x0f;
}

/** Where the payload of the OBU at start … end begins: past header, extension and size field; -1 when it is cut short. */
export function obuPayloadStart(bytes: Buffer, start: number, end: number): number {
  if (start >= end) return -1;
  const header = bytes[start]!;
  let at = start + ((header & HAS_EXTENSION) === 0 ? 1 : 2);
  if ((header & HAS_SIZE) !== 0) {
    const sizeBytes = leb128Bytes(bytes, at, end);
    if (sizeBytes === 0) return -1;
    at += sizeBytes;
  }
  return at <= end ? at : -1;
}

/** One OBU without size field: the same memory when it has none; undefined when it is cut short. */
export function withoutObuSize(obu: Buffer): Buffer | undefined {
  const payload = obuPayloadStart(obu, 0, obu.length);
  if (payload < 0) return undefined;
  const header = obu[0]!;
  if ((header & HAS_SIZE) === 0) return obu;
  const headerBytes = (header & HAS_EXTENSION) === 0 ? 1 : 2;
  const size = leb128Value(obu, headerBytes, payload - headerBytes);
  if (payload + size > obu.length) return undefined;
  const bare = Buffer.allocUnsafe(headerBytes + size);
  bare[0] = header & ~HAS_SIZE;
  if (headerBytes === 2) bare[1] = obu[1]!;
  obu.copy(bare, headerBytes, payload, payload + size);
  return bare;
}

/**
 * The OBUs of a low-overhead byte stream (§5.2: with size fields, as in MP4, Matroska and MPEG-TS) without size fields and temporal
 * delimiters: what a frame of this codec is. undefined when it is malformed or has more than 256.
 */
export function splitObus(bytes: Buffer): Buffer[] | undefined {
  const obus: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const payload = obuPayloadStart(bytes, at, bytes.length);
    if (payload < 0) return undefined;
    const header = bytes[at]!;
    const headerBytes = (header & HAS_EXTENSION) === 0 ? 1 : 2;
    const hasSize = (header & HAS_SIZE) !== 0;
    const end = hasSize ? payload + leb128Value(bytes, at + headerBytes, payload - at - headerBytes) : bytes.length;
    if (end > bytes.length) return undefined;
    if (obuType(header) !== ObuType.temporalDelimiter) {
      const bare = withoutObuSize(bytes.subarray(at, end));
      if (bare === undefined || obus.length >= MAX_NALS_PER_FRAME) return undefined;
      obus.push(bare);
    }
    at = end;
  }
  return obus;
}

/** The low-overhead byte stream of OBUs without size fields: each gets one. No temporal delimiter is put before them. */
export function joinObus(obus: readonly Buffer[]): Buffer {
  let sizeBytes = 0;
  for (const obu of obus) sizeBytes += obu.length + leb128Size(obu.length);
  const joined = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for (const obu of obus) {
    if (obu.length === 0) continue;
    const headerBytes = Math.min(obu.length, (obu[0]! & HAS_EXTENSION) === 0 ? 1 : 2);
    joined[at] = obu[0]! | HAS_SIZE;
    if (headerBytes === 2) joined[at + 1] = obu[1]!;
    at = writeLeb128(joined, at + headerBytes, obu.length - headerBytes);
    at += obu.copy(joined, at, headerBytes);
  }
  return joined.subarray(0, at);
}

/** Whether the OBU whose payload begins at `payload` starts a key frame that is shown: §5.9.2 show_existing_frame, frame_type, show_frame. */
export function startsAv1KeyFrame(type: number, bytes: Buffer, payload: number, end: number): boolean {
  return (type === ObuType.frame || type === ObuType.frameHeader) && payload < end && (bytes[payload]! & 0xf0) === 0x10;
}

/** Whether decoding can start at this temporal unit: it has a key frame that is shown. */
export function isAv1Keyframe(frame: readonly Buffer[]): boolean {
  for (const obu of frame) {
    const payload = obuPayloadStart(obu, 0, obu.length);
    if (payload > 0 && startsAv1KeyFrame(obuType(obu[0]!), obu, payload, obu.length)) return true;
  }
  return false;
}

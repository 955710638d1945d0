// A clock anchor in 64 bytes, little endian, as clk.log holds it (docs/storage.md, clock anchors).
import { crc32 } from "node:zlib";
import { bootIdBytes, bootIdText } from "#base/boot-id.ts";
import { TIME_QUALITIES } from "#base/clock.ts";
import type { ClockAnchor } from "#base/clock-anchor.ts";

export const ANCHOR_BYTES = 64;

/** "CLK1". */
const MAGIC = 0x314b_4c43;
/** Offset of each field; 48 … 59 are reserved. */
const AT = { magic: 0, bootCounter: 4, bootId: 8, monoUs: 24, utcUs: 32, errorUs: 40, quality: 44, flags: 45, crc: 60 } as const;
const BOOT_ID_BYTES = 16;
const UNKNOWN_ERROR = 0xffff_ffff;
/** 1 January 2200: no clock of ours says more. */
const LATEST_UTC_US = Date.UTC(2200, 0, 1) * 1000;

/** Undefined: no anchor of ours, or a damaged one. */
export function parseAnchor(bytes: Buffer): ClockAnchor | undefined {
  if (bytes.length !== ANCHOR_BYTES || bytes.readUInt32LE(AT.magic) !== MAGIC) return undefined;
  if (bytes.readUInt32LE(AT.crc) !== crc32(bytes.subarray(0, AT.crc))) return undefined;
  const bootCounter = bytes.readUInt32LE(AT.bootCounter);
  const monoUs = readNumber(bytes, AT.monoUs);
  const utcUs = readNumber(bytes, AT.utcUs);
  const quality = TIME_QUALITIES[bytes[AT.quality]!];
  if (bootCounter === 0 || quality === undefined || !Number.isSafeInteger(monoUs) || utcUs > LATEST_UTC_US) return undefined;
  const errorUs = bytes.readUInt32LE(AT.errorUs);
  return {
    bootCounter,
    bootId: bootIdText(bytes.subarray(AT.bootId, AT.bootId + BOOT_ID_BYTES)),
    monoUs,
    utcUs,
    errorUs: errorUs === UNKNOWN_ERROR ? undefined : errorUs,
    quality,
    flags: bytes[AT.flags]!,
  };
}

/** Times before 1970 are written as 1970. */
export function writeAnchor(anchor: ClockAnchor): Buffer {
  const bytes = Buffer.alloc(ANCHOR_BYTES);
  bytes.writeUInt32LE(MAGIC, AT.magic);
  bytes.writeUInt32LE(anchor.bootCounter, AT.bootCounter);
  bootIdBytes(anchor.bootId).copy(bytes, AT.bootId);
  writeNumber(bytes, anchor.monoUs, AT.monoUs);
  writeNumber(bytes, anchor.utcUs, AT.utcUs);
  bytes.writeUInt32LE(Math.min(Math.round(anchor.errorUs ?? UNKNOWN_ERROR), UNKNOWN_ERROR), AT.errorUs);
  bytes[AT.quality] = TIME_QUALITIES.indexOf(anchor.quality);
  bytes[AT.flags] = anchor.flags;
  bytes.writeUInt32LE(crc32(bytes.subarray(0, AT.crc)), AT.crc);
  return bytes;
}

/** 64-bit fields are two u32, the low one first. Over 2^53 the result is no safe integer. */
function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}

function writeNumber(bytes: Buffer, value: number, at: number): void {
  const whole = Math.max(Math.round(value), 0);
  bytes.writeUInt32LE(whole % 2 ** 32, at);
  bytes.writeUInt32LE(Math.floor(whole / 2 ** 32), at + 4);
}

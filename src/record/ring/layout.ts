// Where things stand in a chunk of the GWR1 ring, and the few encodings all of its records share (docs/storage.md).
import { OWN_NAME_TAIL } from "#containers/clock-stamp.ts";

export const FORMAT_VERSION = 1;
/** `ftyp`, GWRH, `moov` and padding: fragments begin here. */
export const HEADER_AREA_BYTES = 8192;
/** At the end of each chunk: the table of its fragments once it is closed. */
export const TRAILER_AREA_BYTES = 65_536;
/** A `free` box without content. */
export const FREE_HEADER_BYTES = 8;
/** u32 size, `uuid`, user type (ISO/IEC 14496-12 §4.2). */
export const UUID_HEADER_BYTES = 24;
/** Names of cameras, in UTF-8. */
export const MAX_CAMERA_NAME_BYTES = 512;

export const MIN_CHUNK_BYTES = 128 * 1024;
/** Box sizes and offsets stay within 31 bits. */
export const MAX_CHUNK_BYTES = 1 << 30;
/** Six digits in the name of a chunk file. */
export const MAX_CHUNKS = 1_000_000;

/** Boxes of ours: the user type begins with the name. */
export type BoxName = "GWRH" | "GWRN" | "GWRF" | "GWRT";

const UUID = 0x75756964;
const FREE = 0x66726565;

/** Offset of the trailer area. */
export function trailerOffset(chunkBytes: number): number {
  return chunkBytes - TRAILER_AREA_BYTES;
}

/** Path of a chunk file within the ring's folder. */
export function chunkPath(chunk: number): string {
  return `${chunkFolder(chunk)}/${String(chunk).padStart(6, "0")}.gwc`;
}

/** 100 chunks share a folder. */
export function chunkFolder(chunk: number): string {
  return `c/${String(Math.floor(chunk / 100)).padStart(2, "0")}`;
}

/** A `uuid` box header with the user type of `name`, at the start of `box`. */
export function writeUuidHeader(box: Buffer, name: BoxName, sizeBytes: number): void {
  box.writeUInt32BE(sizeBytes, 0);
  box.writeUInt32BE(UUID, 4);
  box.write(name, 8, "latin1");
  OWN_NAME_TAIL.copy(box, 12);
}

/** Size of the `uuid` box of ours that stands at `offset`; undefined: none of that name. */
export function uuidBoxBytes(bytes: Buffer, offset: number, name: BoxName): number | undefined {
  if (offset < 0 || offset + UUID_HEADER_BYTES > bytes.length) return undefined;
  if (bytes.readUInt32BE(offset + 4) !== UUID || bytes.toString("latin1", offset + 8, offset + 12) !== name) return undefined;
  return OWN_NAME_TAIL.compare(bytes, offset + 12, offset + 24) === 0 ? bytes.readUInt32BE(offset) : undefined;
}

/** Header of a `free` box of `sizeBytes` in all: what it covers is skipped by every player. */
export function freeHeader(sizeBytes: number): Buffer {
  const box = Buffer.alloc(FREE_HEADER_BYTES);
  box.writeUInt32BE(sizeBytes, 0);
  box.writeUInt32BE(FREE, 4);
  return box;
}

/** A 64-bit field is two u32, low one first; values stay below 2^53. */
export function writeU64(bytes: Buffer, value: number, offset: number): void {
  const safe = Math.min(Math.max(0, Math.round(value)), Number.MAX_SAFE_INTEGER);
  bytes.writeUInt32LE(safe % 2 ** 32, offset);
  bytes.writeUInt32LE(Math.floor(safe / 2 ** 32), offset + 4);
}

/** Undefined: 2^53 or more. */
export function readU64(bytes: Buffer, offset: number): number | undefined {
  const high = bytes.readUInt32LE(offset + 4);
  return high >= 2 ** 21 ? undefined : high * 2 ** 32 + bytes.readUInt32LE(offset);
}

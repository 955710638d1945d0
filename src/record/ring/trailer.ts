// GWRT, the trailer of a closed chunk: a table of its fragments, so that a reader finds one without walking the others.
import { crc32 } from "node:zlib";
import { type FragmentFlags, fragmentFlagBits, fragmentFlagsOf, GWRF_BYTES } from "./fragment-header.ts";
import {
  FREE_HEADER_BYTES,
  HEADER_AREA_BYTES,
  readU64,
  TRAILER_AREA_BYTES,
  trailerOffset,
  uuidBoxBytes,
  writeU64,
  writeUuidHeader,
} from "./layout.ts";

const HEADER_BYTES = 48;
const CRC_OFFSET = 28;
const ENTRY_BYTES = 24;

/** A chunk with this many fragments is closed. */
export const MAX_FRAGMENTS = Math.floor((TRAILER_AREA_BYTES - HEADER_BYTES) / ENTRY_BYTES);

/** One fragment as the trailer tells it. */
export interface FragmentEntry {
  /** Of its GWRF box in the chunk. */
  readonly offset: number;
  /** Of `moof` and `mdat`, which stand behind the GWRF box. */
  readonly sizeBytes: number;
  /** From the chunk's first sample to the fragment's. */
  readonly sinceStartMs: number;
  readonly durationMs: number;
  readonly flags: FragmentFlags;
  /** CRC-32 of `moof` and `mdat`. */
  readonly crc: number;
}

/** Ends where the table ends: the box covers the whole area, what is left of it holds nothing. At most MAX_FRAGMENTS entries. */
export function writeTrailer(gen: number, chunk: number, entries: readonly FragmentEntry[]): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + entries.length * ENTRY_BYTES);
  writeUuidHeader(bytes, "GWRT", TRAILER_AREA_BYTES);
  bytes.writeUInt32LE(entries.length, 24);
  writeU64(bytes, gen, 32);
  bytes.writeUInt32LE(chunk, 40); // 44: reserved
  let at = HEADER_BYTES;
  for (const entry of entries) {
    bytes.writeUInt32LE(entry.offset, at);
    bytes.writeUInt32LE(entry.sizeBytes, at + 4);
    bytes.writeUInt32LE(entry.sinceStartMs, at + 8);
    bytes.writeUInt32LE(entry.durationMs, at + 12);
    bytes.writeUInt16LE(fragmentFlagBits(entry.flags), at + 16); // 18: reserved
    bytes.writeUInt32LE(entry.crc, at + 20);
    at += ENTRY_BYTES;
  }
  bytes.writeUInt32LE(trailerCrc(bytes), CRC_OFFSET);
  return bytes;
}

/** From the trailer area of a chunk. Undefined: none, torn, of another use of the chunk, or with entries that cannot be. */
export function parseTrailer(bytes: Buffer, gen: number, chunk: number, chunkBytes: number): FragmentEntry[] | undefined {
  if (bytes.length < HEADER_BYTES || uuidBoxBytes(bytes, 0, "GWRT") !== TRAILER_AREA_BYTES) return undefined;
  const count = bytes.readUInt32LE(24);
  const end = HEADER_BYTES + count * ENTRY_BYTES;
  if (count > MAX_FRAGMENTS || end > bytes.length || bytes.readUInt32LE(CRC_OFFSET) !== trailerCrc(bytes.subarray(0, end)))
    return undefined;
  if (readU64(bytes, 32) !== gen || bytes.readUInt32LE(40) !== chunk) return undefined;

  const entries: FragmentEntry[] = [];
  let minOffset = HEADER_AREA_BYTES;
  for (let at = HEADER_BYTES; at < end; at += ENTRY_BYTES) {
    const offset = bytes.readUInt32LE(at);
    const sizeBytes = bytes.readUInt32LE(at + 4);
    const endOffset = offset + GWRF_BYTES + sizeBytes;
    if (offset < minOffset || endOffset + FREE_HEADER_BYTES > trailerOffset(chunkBytes)) return undefined;
    minOffset = endOffset;
    entries.push({
      offset,
      sizeBytes,
      sinceStartMs: bytes.readUInt32LE(at + 8),
      durationMs: bytes.readUInt32LE(at + 12),
      flags: fragmentFlagsOf(bytes.readUInt16LE(at + 16)),
      crc: bytes.readUInt32LE(at + 20),
    });
  }
  return entries;
}

/** Of all but the field that holds it. */
function trailerCrc(bytes: Buffer): number {
  return crc32(bytes.subarray(CRC_OFFSET + 4), crc32(bytes.subarray(0, CRC_OFFSET)));
}

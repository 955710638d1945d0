// GWRH, the header of a chunk: whose footage it holds and of when. With the init segment it fills the first 8 KiB.
import { crc32 } from "node:zlib";
import type { TimeQuality } from "#base/clock.ts";
import type { GapCause } from "../store.ts";
import { gapCode, gapOfCode, qualityCode, qualityOfCode } from "./gap-code.ts";
import {
  FORMAT_VERSION,
  FREE_HEADER_BYTES,
  freeHeader,
  HEADER_AREA_BYTES,
  MAX_CAMERA_NAME_BYTES,
  readU64,
  trailerOffset,
  UUID_HEADER_BYTES,
  uuidBoxBytes,
  writeU64,
  writeUuidHeader,
} from "./layout.ts";

export const GWRH_BYTES = 256;
const CRC_OFFSET = GWRH_BYTES - 4;
const NAME_OFFSET = 124;
/** A longer name stands in a GWRN box behind GWRH. */
const SHORT_NAME_BYTES = 32;
const NO_CHUNK = 0xffff_ffff;
const FLAG_ERASED = 1;
const FTYP = 0x66747970;
/** Room for the brands of an `ftyp` box that anyone would write. */
const MAX_FTYP_BYTES = 128;

export interface ChunkHeader {
  /** 16 bytes. */
  readonly ringId: Buffer;
  readonly chunk: number;
  /** Number of this use of the chunk, unique in the ring; its fragments carry the same. */
  readonly gen: number;
  readonly chunkBytes: number;
  /** The camera's number in the index at the time of writing; what counts is the name. */
  readonly cameraId: number;
  readonly camera: string;
  /** Chunks of one run share init segment and timeline: the gen of the run's first chunk. */
  readonly runId: number;
  /** Kernel's boot_id, 16 bytes. */
  readonly bootId: Buffer;
  readonly bootCounter: number;
  /** Monotonic clock of that boot at the first sample. */
  readonly monoUs: number;
  /** Estimate at the time of writing, with its quality. Only a hint: UTC is computed from boot and monotonic clock. */
  readonly utcUs: number;
  readonly timeQuality: TimeQuality;
  readonly gapBefore: GapCause | undefined;
  /** The camera's chunk before this one. */
  readonly previousChunk: number | undefined;
}

/** A chunk whose footage was deleted: the header says so and keeps the gen, so that no later one repeats it. */
export interface ErasedHeader {
  readonly ringId: Buffer;
  readonly chunk: number;
  readonly gen: number;
  readonly chunkBytes: number;
}

export type HeaderArea =
  | { readonly kind: "footage"; readonly header: ChunkHeader; readonly init: Buffer }
  | { readonly kind: "erased"; readonly header: ErasedHeader };

/** Identity of an init segment: its CRC-32. */
export function paramsIdOf(init: Buffer): number {
  return crc32(init);
}

/**
 * What a chunk begins with: 8,192 bytes and the header of the `free` box that covers everything up to the trailer.
 * `init` is `ftyp` and `moov`, whose first `ftypBytes` are the former. Undefined: it does not fit, or the name is too long.
 */
export function writeHeaderArea(header: ChunkHeader, init: Buffer, ftypBytes: number): Buffer | undefined {
  const name = Buffer.from(header.camera);
  if (name.length > MAX_CAMERA_NAME_BYTES || ftypBytes > MAX_FTYP_BYTES) return undefined;
  const nameBox = name.length > SHORT_NAME_BYTES ? writeNameBox(name) : Buffer.alloc(0);
  const used = init.length + GWRH_BYTES + nameBox.length;
  if (used + FREE_HEADER_BYTES > HEADER_AREA_BYTES) return undefined;

  const box = writeGwrh(header, 0);
  box.writeUInt32LE(header.bootCounter, 104);
  box.writeUInt32LE(header.cameraId, 108);
  header.bootId.copy(box, 48);
  writeU64(box, header.runId, 72);
  writeU64(box, header.monoUs, 80);
  writeU64(box, header.utcUs, 88);
  box.writeUInt32LE(paramsIdOf(init), 112);
  box.writeUInt32LE(header.previousChunk ?? NO_CHUNK, 116);
  box[120] = qualityCode(header.timeQuality);
  box[121] = gapCode(header.gapBefore);
  box.writeUInt16LE(name.length, 122);
  name.copy(box, NAME_OFFSET, 0, SHORT_NAME_BYTES);
  box.writeUInt32LE(crc32(box.subarray(0, CRC_OFFSET)), CRC_OFFSET);

  return area([init.subarray(0, ftypBytes), box, nameBox, init.subarray(ftypBytes)], used, header.chunkBytes);
}

/** The same for a chunk whose footage is deleted: no player finds anything in it. */
export function writeErasedArea(header: ErasedHeader): Buffer {
  const box = writeGwrh(header, FLAG_ERASED);
  box.writeUInt32LE(NO_CHUNK, 116);
  box.writeUInt32LE(crc32(box.subarray(0, CRC_OFFSET)), CRC_OFFSET);
  return area([box], box.length, header.chunkBytes);
}

/** From the first 8,192 bytes of a chunk. Undefined: never used, torn, or not ours. */
export function parseHeaderArea(bytes: Buffer): HeaderArea | undefined {
  if (bytes.length < HEADER_AREA_BYTES) return undefined;
  const ftypBytes = bytes.readUInt32BE(4) === FTYP ? bytes.readUInt32BE(0) : 0;
  if (ftypBytes > MAX_FTYP_BYTES || uuidBoxBytes(bytes, ftypBytes, "GWRH") !== GWRH_BYTES) return undefined;
  const box = bytes.subarray(ftypBytes, ftypBytes + GWRH_BYTES);
  if (box.readUInt32LE(CRC_OFFSET) !== crc32(box.subarray(0, CRC_OFFSET)) || box.readUInt16LE(24) !== FORMAT_VERSION) return undefined;

  const gen = readU64(box, 64);
  const runId = readU64(box, 72);
  const monoUs = readU64(box, 80);
  const utcUs = readU64(box, 88);
  if (gen === undefined || runId === undefined || monoUs === undefined || utcUs === undefined) return undefined;
  const identity = { ringId: Buffer.from(box.subarray(32, 48)), chunk: box.readUInt32LE(96), gen, chunkBytes: box.readUInt32LE(100) };
  if ((box.readUInt32LE(28) & FLAG_ERASED) !== 0) return { kind: "erased", header: identity };

  const afterName = parseName(bytes, ftypBytes + GWRH_BYTES, box);
  if (afterName === undefined) return undefined;
  const init = parseInitSegment(bytes, ftypBytes, afterName.offset, box.readUInt32LE(112));
  if (init === undefined) return undefined;
  const previousChunk = box.readUInt32LE(116);
  const header: ChunkHeader = {
    ...identity,
    cameraId: box.readUInt32LE(108),
    camera: afterName.name,
    runId,
    bootId: Buffer.from(box.subarray(48, 64)),
    bootCounter: box.readUInt32LE(104),
    monoUs,
    utcUs,
    timeQuality: qualityOfCode(box[120]!),
    gapBefore: gapOfCode(box[121]!),
    previousChunk: previousChunk === NO_CHUNK ? undefined : previousChunk,
  };
  return { kind: "footage", header, init };
}

function writeGwrh(header: ErasedHeader, flags: number): Buffer {
  const box = Buffer.alloc(GWRH_BYTES);
  writeUuidHeader(box, "GWRH", GWRH_BYTES);
  box.writeUInt16LE(FORMAT_VERSION, 24); // 26: key_id, reserved for encryption
  box.writeUInt32LE(flags, 28);
  header.ringId.copy(box, 32);
  writeU64(box, header.gen, 64);
  box.writeUInt32LE(header.chunk, 96);
  box.writeUInt32LE(header.chunkBytes, 100);
  return box;
}

function area(parts: readonly Buffer[], usedBytes: number, chunkBytes: number): Buffer {
  const bytes = Buffer.alloc(HEADER_AREA_BYTES + FREE_HEADER_BYTES);
  let at = 0;
  for (const part of parts) at += part.copy(bytes, at);
  freeHeader(HEADER_AREA_BYTES - usedBytes).copy(bytes, at);
  freeHeader(trailerOffset(chunkBytes) - HEADER_AREA_BYTES).copy(bytes, HEADER_AREA_BYTES);
  return bytes;
}

function writeNameBox(name: Buffer): Buffer {
  const box = Buffer.alloc(UUID_HEADER_BYTES + name.length + 4);
  writeUuidHeader(box, "GWRN", box.length);
  name.copy(box, UUID_HEADER_BYTES);
  box.writeUInt32LE(crc32(name), box.length - 4);
  return box;
}

function parseName(bytes: Buffer, offset: number, gwrh: Buffer): { readonly name: string; readonly offset: number } | undefined {
  const nameBytes = gwrh.readUInt16LE(122);
  if (nameBytes === 0 || nameBytes > MAX_CAMERA_NAME_BYTES) return undefined;
  if (nameBytes <= SHORT_NAME_BYTES) return { name: gwrh.toString("utf8", NAME_OFFSET, NAME_OFFSET + nameBytes), offset };
  const boxBytes = UUID_HEADER_BYTES + nameBytes + 4;
  if (uuidBoxBytes(bytes, offset, "GWRN") !== boxBytes || offset + boxBytes > bytes.length) return undefined;
  const name = bytes.subarray(offset + UUID_HEADER_BYTES, offset + boxBytes - 4);
  return bytes.readUInt32LE(offset + boxBytes - 4) === crc32(name) ? { name: name.toString(), offset: offset + boxBytes } : undefined;
}

function parseInitSegment(bytes: Buffer, ftypBytes: number, moovOffset: number, paramsId: number): Buffer | undefined {
  if (moovOffset + 8 > HEADER_AREA_BYTES) return undefined;
  const moovEnd = moovOffset + bytes.readUInt32BE(moovOffset);
  if (moovEnd > HEADER_AREA_BYTES) return undefined;
  const init = Buffer.concat([bytes.subarray(0, ftypBytes), bytes.subarray(moovOffset, moovEnd)]);
  return paramsIdOf(init) === paramsId ? init : undefined;
}

// A record of the index, 64 bytes: what happened to a chunk. The log is a list of them, a checkpoint too.
import { crc32 } from "node:zlib";
import type { GapCause } from "../store.ts";
import { gapCode, gapOfCode } from "./gap-code.ts";
import { FORMAT_VERSION, readU64, writeU64 } from "./layout.ts";

export const RECORD_BYTES = 64;
const CRC_OFFSET = RECORD_BYTES - 4;

/** 3 LOCK, 4 UNLOCK, 7 RUN and 8 PARAMS are reserved: locks stand in the state file, runs and parameters in the chunks. */
const TYPES = { alloc: 1, close: 2, gap: 5, drop: 6 } as const;
const TYPE_OF_CODE = new Map<number, RecordType>(Object.entries(TYPES).map(([type, code]) => [code, type as RecordType]));

/**
 * `alloc`: a camera begins to write it; `close`: complete, with what it holds; `gap`: footage is missing inside it; `drop`: it holds
 * nothing any more and may be used.
 */
export type RecordType = keyof typeof TYPES;

const GAP_BITS = 7;
const FLAG_BAD = 8;
const FLAG_RECOVERED = 16;

export interface IndexRecord {
  readonly type: RecordType;
  readonly cameraId: number;
  readonly chunk: number;
  /** 0 for a chunk that was never used. */
  readonly gen: number;
  readonly bootCounter: number;
  /** Low 32 bits of the run's id. */
  readonly run: number;
  /** Monotonic clock at the first sample; of a gap: where footage ends before it. */
  readonly monoUs: number;
  /** Of the footage, or of the gap. */
  readonly durationMs: number;
  /** Of fragments with their headers. */
  readonly sizeBytes: number;
  readonly fragments: number;
  /** Why footage is missing: before the chunk, or in a gap. */
  readonly gapCause: GapCause | undefined;
  /** The medium failed in it: it is not used again. */
  readonly bad: boolean;
  /** Closed by a later start: the gateway lost power or was killed while writing it. */
  readonly recovered: boolean;
  /** Estimate at the time of writing: a hint for a rebuild of the clock. */
  readonly utcUs: number;
}

/** `epoch` ties a record of the log to the checkpoint it follows. */
export function writeIndexRecord(record: IndexRecord, epoch: number, bytes: Buffer = Buffer.alloc(RECORD_BYTES), offset = 0): Buffer {
  bytes[offset] = TYPES[record.type];
  bytes[offset + 1] = FORMAT_VERSION;
  bytes.writeUInt16LE(record.cameraId, offset + 2);
  bytes.writeUInt32LE(record.chunk, offset + 4);
  writeU64(bytes, record.gen, offset + 8);
  bytes.writeUInt32LE(record.bootCounter, offset + 16);
  bytes.writeUInt32LE(record.run, offset + 20);
  writeU64(bytes, record.monoUs, offset + 24);
  bytes.writeUInt32LE(Math.min(record.durationMs, 0xffff_ffff), offset + 32);
  bytes.writeUInt32LE(record.sizeBytes, offset + 36);
  bytes.writeUInt32LE(record.fragments, offset + 40);
  bytes.writeUInt16LE(gapCode(record.gapCause) | (record.bad ? FLAG_BAD : 0) | (record.recovered ? FLAG_RECOVERED : 0), offset + 44);
  bytes.writeUInt16LE(0, offset + 46); // anchor, reserved
  writeU64(bytes, record.utcUs, offset + 48);
  bytes.writeUInt32LE(epoch, offset + 56);
  bytes.writeUInt32LE(crc32(bytes.subarray(offset, offset + CRC_OFFSET)), offset + CRC_OFFSET);
  return bytes;
}

/** Undefined: damaged, zeros, or of a type that is not known. */
export function parseIndexRecord(bytes: Buffer, offset = 0): { readonly record: IndexRecord; readonly epoch: number } | undefined {
  if (offset + RECORD_BYTES > bytes.length || bytes[offset + 1] !== FORMAT_VERSION) return undefined;
  const type = TYPE_OF_CODE.get(bytes[offset]!);
  if (type === undefined || bytes.readUInt32LE(offset + CRC_OFFSET) !== crc32(bytes.subarray(offset, offset + CRC_OFFSET)))
    return undefined;
  const gen = readU64(bytes, offset + 8);
  const monoUs = readU64(bytes, offset + 24);
  const utcUs = readU64(bytes, offset + 48);
  if (gen === undefined || monoUs === undefined || utcUs === undefined) return undefined;
  const flags = bytes.readUInt16LE(offset + 44);
  const record: IndexRecord = {
    type,
    cameraId: bytes.readUInt16LE(offset + 2),
    chunk: bytes.readUInt32LE(offset + 4),
    gen,
    bootCounter: bytes.readUInt32LE(offset + 16),
    run: bytes.readUInt32LE(offset + 20),
    monoUs,
    durationMs: bytes.readUInt32LE(offset + 32),
    sizeBytes: bytes.readUInt32LE(offset + 36),
    fragments: bytes.readUInt32LE(offset + 40),
    gapCause: gapOfCode(flags & GAP_BITS),
    bad: (flags & FLAG_BAD) !== 0,
    recovered: (flags & FLAG_RECOVERED) !== 0,
    utcUs,
  };
  return { record, epoch: bytes.readUInt32LE(offset + 56) };
}

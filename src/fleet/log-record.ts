// One record of a log on disk, of the outbox or of the command journal: an entry, or the mark that one is done. Little endian.
import { crc32 } from "node:zlib";

/** How much an entry matters: 0 critical events and results of commands, 1 other events, 2 telemetry. */
export type OutboxClass = 0 | 1 | 2;

export interface LogRecord {
  /** Rises from entry to entry; a mark has that of its entry. */
  readonly id: number;
  readonly class: OutboxClass;
  /** The entry is delivered or given up. */
  readonly isDone: boolean;
  /** Empty for a mark. */
  readonly payload: Buffer;
}

/** u32 length of the payload, u32 CRC-32 of what follows, u8 class, u8 flags, u16 reserved, u64 id. */
export const RECORD_HEADER_BYTES = 20;
const CRC_FROM = 8;
const FLAG_DONE = 1;
export const MAX_PAYLOAD_BYTES = 256 * 1024;

export function writeRecord({ id, class: itsClass, isDone, payload }: LogRecord): Buffer {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + payload.length);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt8(itsClass, 8);
  bytes.writeUInt8(isDone ? FLAG_DONE : 0, 9);
  bytes.writeUInt32LE(id % 2 ** 32, 12);
  bytes.writeUInt32LE(Math.floor(id / 2 ** 32), 16);
  payload.copy(bytes, RECORD_HEADER_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(CRC_FROM)), 4);
  return bytes;
}

/** The record at an offset; its payload is a view. Undefined: none, or it is torn. */
export function parseRecord(bytes: Buffer, offset: number): LogRecord | undefined {
  if (offset + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const sizeBytes = bytes.readUInt32LE(offset);
  const end = offset + RECORD_HEADER_BYTES + sizeBytes;
  if (sizeBytes > MAX_PAYLOAD_BYTES || end > bytes.length) return undefined;
  if (crc32(bytes.subarray(offset + CRC_FROM, end)) !== bytes.readUInt32LE(offset + 4)) return undefined;
  const itsClass = bytes.readUInt8(offset + 8);
  const high = bytes.readUInt32LE(offset + 16);
  if (itsClass > 2 || high >= 2 ** 21) return undefined;
  return {
    id: high * 2 ** 32 + bytes.readUInt32LE(offset + 12),
    class: itsClass as OutboxClass,
    isDone: (bytes.readUInt8(offset + 9) & FLAG_DONE) !== 0,
    payload: bytes.subarray(offset + RECORD_HEADER_BYTES, end),
  };
}

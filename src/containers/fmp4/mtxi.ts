// The `mtxi` box that MediaMTX puts into moov/udta of its recordings: where a file stands among those of one recording.
import { type Box, readU64 } from "./box-reader.ts";
import type { BoxWriter } from "./box-writer.ts";

export interface Mtxi {
  /** 16 bytes, new for each recording. */
  readonly streamId: Buffer;
  /** Counted from 0 without a hole. */
  readonly segmentNumber: number;
  /** Decode time of the file's tick 0 on the recording's timeline. The box holds it in ns, as it does the next. */
  readonly startDtsUs: number;
  /** µs since 1970 of the same instant. */
  readonly startNtpUs: number;
}

/** Version and flags, then the fields. */
const BODY_BYTES = 4 + 16 + 3 * 8;

export function writeMtxi(writer: BoxWriter, mtxi: Mtxi): void {
  writer.fullBox("mtxi", 0, 0, () => {
    writer.bytes(mtxi.streamId).u64(mtxi.segmentNumber);
    writer.i64(nsOf(mtxi.startDtsUs)).i64(nsOf(mtxi.startNtpUs));
  });
}

/** Undefined for a box of another version or size, or with an absurd number. */
export function parseMtxi(bytes: Buffer, box: Box): Mtxi | undefined {
  if (box.end - box.body < BODY_BYTES || bytes[box.body] !== 0) return undefined;
  const at = box.body + 4;
  const segmentNumber = readU64(bytes, at + 16);
  if (segmentNumber === undefined) return undefined;
  return {
    streamId: Buffer.from(bytes.subarray(at, at + 16)),
    segmentNumber,
    startDtsUs: usOf(bytes.readBigInt64BE(at + 24)),
    startNtpUs: usOf(bytes.readBigInt64BE(at + 32)),
  };
}

/** Where in the file `startNtpUs` stands, in 8 bytes; `writeNtp` makes them. */
export function ntpOffsetOf(box: Box, fileOffset: number): number {
  return fileOffset + box.body + 4 + 32;
}

/** The eight bytes of `startNtpUs`. */
export function writeNtp(startNtpUs: number): Buffer {
  const field = Buffer.allocUnsafe(8);
  field.writeBigInt64BE(nsOf(startNtpUs), 0);
  return field;
}

function nsOf(us: number): bigint {
  return BigInt(Math.round(us)) * 1000n;
}

/** 2^63 ns are less than 2^53 µs. */
function usOf(ns: bigint): number {
  return Math.floor(Number(ns / 1000n));
}

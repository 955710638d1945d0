// GWRF, the header of a fragment: a `uuid` box before each `moof` and `mdat` that tells a fragment of this use of the chunk from an older one's.
import { crc32 } from "node:zlib";
import type { GapCause } from "../store.ts";
import { gapCode, gapOfCode } from "./gap-code.ts";
import { readU64, uuidBoxBytes, writeU64, writeUuidHeader } from "./layout.ts";

export const GWRF_BYTES = 96;
const CRC_OFFSET = GWRF_BYTES - 4;

/** Flags of GWRF and of the trailer's entries. Bits 8 … 10: the cause of the gap. */
const FLAG_KEYFRAME = 1;
const FLAG_GAP = 2;
const FLAG_LOCKED = 4;
const FLAG_SAME_PARAMETERS = 8;
const FLAG_AUDIO_ONLY = 16;
const GAP_SHIFT = 8;

export interface FragmentFlags {
  /** Begins with a keyframe of the leading track: a place to start. */
  readonly keyframe: boolean;
  /** Footage is missing before it. */
  readonly gapBefore: GapCause | undefined;
  /** Was locked when it was written. A hint: locks stand in the ring's state. */
  readonly locked: boolean;
  /** Parameter sets are those of the chunk's init segment. */
  readonly sameParameters: boolean;
  readonly audioOnly: boolean;
}

export interface FragmentHeader {
  /** Equal to the chunk's, or the fragment is of an older use. */
  readonly gen: number;
  /** Counts from 0 in each chunk. */
  readonly sequence: number;
  /** Of `moof` and `mdat` together. */
  readonly sizeBytes: number;
  /** CRC-32 of `moof` and `mdat`. */
  readonly crc: number;
  /** Monotonic clock at the first sample. */
  readonly monoUs: number;
  /** Estimate at the time of writing. */
  readonly utcUs: number;
  /** The camera's own clock at the first sample; 0: none. */
  readonly senderUtcUs: number;
  /** Monotonic clock at tick 0 of the run, as this fragment shows it: moves as the camera's clock drifts. */
  readonly epochUs: number;
  /** Low 32 bits of the first decode time of the leading track, ticks. */
  readonly ticks: number;
  readonly durationUs: number;
  /** Samples of all tracks, 65,535 at most. */
  readonly frames: number;
  readonly flags: FragmentFlags;
}

export function writeFragmentHeader(header: FragmentHeader): Buffer {
  const box = Buffer.alloc(GWRF_BYTES);
  writeUuidHeader(box, "GWRF", GWRF_BYTES);
  writeU64(box, header.gen, 24);
  box.writeUInt32LE(header.sequence, 32);
  box.writeUInt32LE(header.sizeBytes, 36);
  box.writeUInt32LE(header.crc, 40);
  writeU64(box, header.monoUs, 44);
  writeU64(box, header.utcUs, 52);
  writeU64(box, header.senderUtcUs, 60);
  writeU64(box, header.epochUs, 68);
  box.writeUInt32LE(header.ticks, 76);
  box.writeUInt32LE(Math.min(header.durationUs, 0xffff_ffff), 80);
  box.writeUInt16LE(Math.min(header.frames, 0xffff), 84);
  box.writeUInt16LE(fragmentFlagBits(header.flags), 86); // 88: reserved
  box.writeUInt32LE(crc32(box.subarray(0, CRC_OFFSET)), CRC_OFFSET);
  return box;
}

/** The header that stands at `offset`; undefined: none, or damaged. Whether it is of this use of the chunk is for the caller to see. */
export function parseFragmentHeader(bytes: Buffer, offset = 0): FragmentHeader | undefined {
  if (uuidBoxBytes(bytes, offset, "GWRF") !== GWRF_BYTES || offset + GWRF_BYTES > bytes.length) return undefined;
  const box = bytes.subarray(offset, offset + GWRF_BYTES);
  if (box.readUInt32LE(CRC_OFFSET) !== crc32(box.subarray(0, CRC_OFFSET))) return undefined;
  const gen = readU64(box, 24);
  const monoUs = readU64(box, 44);
  const utcUs = readU64(box, 52);
  const senderUtcUs = readU64(box, 60);
  const epochUs = readU64(box, 68);
  if (gen === undefined || monoUs === undefined || utcUs === undefined || senderUtcUs === undefined || epochUs === undefined)
    return undefined;
  return {
    gen,
    sequence: box.readUInt32LE(32),
    sizeBytes: box.readUInt32LE(36),
    crc: box.readUInt32LE(40),
    monoUs,
    utcUs,
    senderUtcUs,
    epochUs,
    ticks: box.readUInt32LE(76),
    durationUs: box.readUInt32LE(80),
    frames: box.readUInt16LE(84),
    flags: fragmentFlagsOf(box.readUInt16LE(86)),
  };
}

export function fragmentFlagBits(flags: FragmentFlags): number {
  return (
    (flags.keyframe ? FLAG_KEYFRAME : 0) |
    (flags.gapBefore === undefined ? 0 : FLAG_GAP) |
    (flags.locked ? FLAG_LOCKED : 0) |
    (flags.sameParameters ? FLAG_SAME_PARAMETERS : 0) |
    (flags.audioOnly ? FLAG_AUDIO_ONLY : 0) |
    (gapCode(flags.gapBefore) << GAP_SHIFT)
  );
}

export function fragmentFlagsOf(bits: number): FragmentFlags {
  const cause = gapOfCode(bits >> GAP_SHIFT);
  return {
    keyframe: (bits & FLAG_KEYFRAME) !== 0,
    gapBefore: (bits & FLAG_GAP) === 0 ? undefined : (cause ?? "disk"),
    locked: (bits & FLAG_LOCKED) !== 0,
    sameParameters: (bits & FLAG_SAME_PARAMETERS) !== 0,
    audioOnly: (bits & FLAG_AUDIO_ONLY) !== 0,
  };
}

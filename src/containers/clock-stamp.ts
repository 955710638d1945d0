// When a recorded file was begun, by a clock that never jumps: what its UTC is computed from when more is known of the time (docs/recording.md).
import { crc32 } from "node:zlib";
import { bootIdBytes, bootIdText } from "#base/boot-id.ts";

export interface ClockStamp {
  /** The kernel's UUID of the boot, in its text form. */
  readonly bootId: string;
  /** CLOCK_MONOTONIC of that boot at tick 0 of the file, µs. */
  readonly monoUs: number;
  /** The file has the camera's own time, which does not depend on ours. */
  readonly isCameraTime: boolean;
}

/** Names boxes and packets of ours: the name, then this, which was drawn once at random. */
export const OWN_NAME_TAIL = Buffer.from("9f3e5ac04d718b62d81547ea", "hex");
/** Of such a name. */
export const OWN_NAME_BYTES = 16;
const NAME = Buffer.concat([Buffer.from("GWFS"), OWN_NAME_TAIL]);

const FLAG_CAMERA_TIME = 1;
const AT = { flags: 16, bootId: 20, monoUs: 36, crc: 44 } as const;
/** Name, u32 flags, boot_id, u64 monotonic µs, u32 CRC of all before; big endian, as the containers are. */
export const STAMP_BYTES = 48;

export function writeStamp({ bootId, monoUs, isCameraTime }: ClockStamp): Buffer {
  const bytes = Buffer.alloc(STAMP_BYTES);
  NAME.copy(bytes);
  bytes.writeUInt32BE(isCameraTime ? FLAG_CAMERA_TIME : 0, AT.flags);
  bootIdBytes(bootId).copy(bytes, AT.bootId);
  const wholeUs = Math.max(0, Math.round(monoUs));
  bytes.writeUInt32BE(Math.floor(wholeUs / 2 ** 32), AT.monoUs);
  bytes.writeUInt32BE(wholeUs % 2 ** 32, AT.monoUs + 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, AT.crc)), AT.crc);
  return bytes;
}

/** Undefined: none of ours at `at`, or a damaged one. */
export function parseStamp(bytes: Buffer, at: number): ClockStamp | undefined {
  if (at < 0 || at + STAMP_BYTES > bytes.length || NAME.compare(bytes, at, at + OWN_NAME_BYTES) !== 0) return undefined;
  const stamp = bytes.subarray(at, at + STAMP_BYTES);
  if (stamp.readUInt32BE(AT.crc) !== crc32(stamp.subarray(0, AT.crc))) return undefined;
  const monoUs = stamp.readUInt32BE(AT.monoUs) * 2 ** 32 + stamp.readUInt32BE(AT.monoUs + 4);
  if (!Number.isSafeInteger(monoUs)) return undefined;
  const isCameraTime = (stamp.readUInt32BE(AT.flags) & FLAG_CAMERA_TIME) !== 0;
  return { bootId: bootIdText(stamp.subarray(AT.bootId, AT.monoUs)), monoUs, isCameraTime };
}

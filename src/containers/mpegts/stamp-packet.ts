// A file's clock stamp as the first packet of a transport stream: a null packet, which every receiver passes over (ISO/IEC 13818-1 §2.4.1).
import { type ClockStamp, parseStamp, writeStamp } from "../clock-stamp.ts";
import { PACKET_BYTES } from "./packets.ts";

/** Sync byte, PID 0x1fff, payload only. */
const HEADER = Buffer.from([0x47, 0x1f, 0xff, 0x10]);

export function writeStampPacket(stamp: ClockStamp): Buffer {
  const packet = Buffer.alloc(PACKET_BYTES, 0xff);
  HEADER.copy(packet);
  writeStamp(stamp).copy(packet, HEADER.length);
  return packet;
}

/** Of the first bytes of a file; undefined: it begins with something else. */
export function parseStampPacket(bytes: Buffer): ClockStamp | undefined {
  if (bytes.length < PACKET_BYTES || HEADER.compare(bytes, 0, HEADER.length) !== 0) return undefined;
  return parseStamp(bytes, HEADER.length);
}

// Datagrams in a TCP connection: 16 bits of length before each (RFC 4571 §2, as RFC 6544 §3 has it for ICE).
import type { PacketSlab } from "#native/send-plan.ts";

const LENGTH_BYTES = 2;
/** Nothing that a client of ours sends is longer; a longer one is something else than ICE. */
const MAX_FRAME_BYTES = 4096;

export function frame(datagram: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + datagram.length);
  bytes.writeUInt16BE(datagram.length, 0);
  datagram.copy(bytes, LENGTH_BYTES);
  return bytes;
}

/** Every packet of a slab, one behind the other, in memory of their own. */
export function frameAll({ bytes, offsets, count }: PacketSlab): Buffer {
  const framed = Buffer.allocUnsafeSlow(offsets[count]! - offsets[0]! + count * LENGTH_BYTES);
  let at = 0;
  for (let i = 0; i < count; i++) {
    at = framed.writeUInt16BE(offsets[i + 1]! - offsets[i]!, at);
    at += bytes.copy(framed, at, offsets[i]!, offsets[i + 1]!);
  }
  return framed;
}

/** Takes what a connection delivers and hands on whole frames, in memory that is theirs. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** False: the bytes are no frames; nothing more can be read. */
  push(chunk: Buffer, onFrame: (datagram: Buffer) => void): boolean {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + LENGTH_BYTES <= bytes.length) {
      const length = bytes.readUInt16BE(at);
      if (length > MAX_FRAME_BYTES) return false;
      const end = at + LENGTH_BYTES + length;
      if (end > bytes.length) break;
      if (length > 0) onFrame(Buffer.from(bytes.subarray(at + LENGTH_BYTES, end)));
      at = end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    return true;
  }
}

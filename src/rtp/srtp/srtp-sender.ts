// Protects what leaves: a frame's packets in one go, into one slab (RFC 3711 §3.3, RFC 7714 §8.2).
import { FRAMING_BYTES, type PacketBurst, payloadStart } from "../burst.ts";
import { type MakePacketCipher, type PacketCipher, plainCipher } from "./packet-cipher.ts";
import { nearestIndex } from "./packet-index.ts";
import { PacketNonce } from "./packet-nonce.ts";
import { deriveSessionKeys, type SessionKeys, type SrtpMasterKeys } from "./session-keys.ts";

/** Protected packets in one buffer: packet i is offsets[i] … offsets[i + 1]. Its bytes are nobody else's, unless the caller gave the buffer. */
export interface ProtectedBurst {
  readonly bytes: Buffer;
  readonly offsets: Int32Array;
  readonly count: number;
}

/** How a session numbers the packets of one track. None of it may change once something was protected: see `protectAgain`. */
export interface SenderNumbering {
  readonly ssrc: number;
  readonly payloadType: number;
  /** What is added to each sequence number, modulo 2^16, and to each timestamp, modulo 2^32. */
  readonly sequenceOffset: number;
  readonly timestampOffset: number;
}

/** One SSRC of a session. Made by `SrtpSender.stream`. */
export class SenderStream {
  readonly numbering: SenderNumbering;
  /** The index of the newest packet; −1: none yet. */
  highest = -1;

  constructor(numbering: SenderNumbering) {
    this.numbering = numbering;
  }
}

/** `undefined`: a key has not the length that its profile wants. */
export function openSrtpSender(master: SrtpMasterKeys, makeCipher: MakePacketCipher = plainCipher): SrtpSender | undefined {
  const keys = deriveSessionKeys(master, "rtp");
  return keys && new SrtpSender(keys, makeCipher);
}

/** One direction of one session. */
export class SrtpSender {
  /** What a protected packet is longer. */
  readonly tagBytes: number;
  readonly #cipher: PacketCipher;
  readonly #nonce: PacketNonce;
  readonly #streams = new Map<number, SenderStream>();

  constructor(keys: SessionKeys, makeCipher: MakePacketCipher) {
    this.tagBytes = keys.profile.tagBytes;
    this.#nonce = new PacketNonce(keys.profile, keys.salt);
    this.#cipher = makeCipher(keys, this.#nonce.bytes);
  }

  /** Two streams under one SSRC would use a key twice: the first is `undefined`'s reason. */
  stream(numbering: SenderNumbering): SenderStream | undefined {
    if (this.#streams.has(numbering.ssrc)) return undefined;
    const stream = new SenderStream(numbering);
    this.#streams.set(numbering.ssrc, stream);
    return stream;
  }

  /**
   * Protects packets first … end − 1 of a burst for the first time. They are left out, not sent, where their sequence numbers do not go on from
   * the newest by less than 2^15: a number must never be used for other bytes. `undefined`: all were left out. `target` is used if there is
   * room in it.
   */
  protect(burst: PacketBurst, stream: SenderStream, first = 0, end = burst.count, target?: Buffer): ProtectedBurst | undefined {
    return this.#protect(burst, stream, first, end, target, false);
  }

  /** Protects packets that were protected before, for a peer that missed them. The caller vouches that they are the same in every byte. */
  protectAgain(burst: PacketBurst, stream: SenderStream, first = 0, end = burst.count, target?: Buffer): ProtectedBurst | undefined {
    return this.#protect(burst, stream, first, end, target, true);
  }

  close(): void {
    this.#cipher.close();
  }

  #protect(
    burst: PacketBurst,
    stream: SenderStream,
    first: number,
    end: number,
    target: Buffer | undefined,
    again: boolean,
  ): ProtectedBurst | undefined {
    const { bytes, offsets } = burst;
    const { ssrc, payloadType } = stream.numbering;
    const sequenceOffset = stream.numbering.sequenceOffset + (burst.shift?.sequence ?? 0);
    const timestampOffset = stream.numbering.timestampOffset + (burst.shift?.timestamp ?? 0);
    const sizeBytes = offsets[end]! - offsets[first]! + (end - first) * (this.tagBytes - FRAMING_BYTES);
    const out = target !== undefined && target.length >= sizeBytes ? target : Buffer.allocUnsafeSlow(sizeBytes);
    const outOffsets = new Int32Array(end - first + 1);
    let count = 0;
    let at = 0;
    for (let i = first; i < end; i++) {
      const start = offsets[i]! + FRAMING_BYTES;
      const packetBytes = offsets[i + 1]! - start;
      const sequence = (((bytes[start + 2]! << 8) | bytes[start + 3]!) + sequenceOffset) & 0xffff;
      const index = nearestIndex(stream.highest, sequence);
      if (index < 0 || index > stream.highest === again) continue;
      if (!again) stream.highest = index;
      const headerBytes = payloadStart(bytes, start, offsets[i + 1]!) - start;
      copyBytes(bytes, start, out, at, headerBytes);
      writeHeader(out, at, payloadType, sequence, timestampOffset, ssrc);
      const rollover = Math.floor(index / 0x10000);
      this.#nonce.setRtp(out, at, rollover);
      if (!this.#cipher.seal(bytes, start, out, at, headerBytes, packetBytes, rollover)) continue;
      outOffsets[count++] = at;
      at += packetBytes + this.tagBytes;
    }
    if (count === 0) return undefined;
    outOffsets[count] = at;
    return { bytes: at === out.length ? out : out.subarray(0, at), offsets: outOffsets, count };
  }
}

/** Headers are too short for a call of `copy` to pay. */
function copyBytes(from: Buffer, fromAt: number, to: Buffer, toAt: number, count: number): void {
  for (let i = 0; i < count; i++) to[toAt + i] = from[fromAt + i]!;
}

function writeHeader(bytes: Buffer, at: number, payloadType: number, sequence: number, timestampOffset: number, ssrc: number): void {
  bytes[at + 1] = (bytes[at + 1]! & 0x80) | payloadType; // keeps the marker bit
  bytes[at + 2] = sequence >>> 8;
  bytes[at + 3] = sequence & 0xff;
  if (timestampOffset !== 0) bytes.writeUInt32BE((bytes.readUInt32BE(at + 4) + timestampOffset) >>> 0, at + 4);
  bytes[at + 8] = ssrc >>> 24;
  bytes[at + 9] = ssrc >>> 16;
  bytes[at + 10] = ssrc >>> 8;
  bytes[at + 11] = ssrc;
}

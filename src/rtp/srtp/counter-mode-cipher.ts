// SRTP with AES-128 in counter mode and HMAC-SHA1 through node:crypto, RFC 3711 §4.1.1 and §4.2.
import { createCipheriv, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import type { PacketCipher } from "./packet-cipher.ts";
import type { SessionKeys } from "./session-keys.ts";

const TAG_BYTES = 10;

export class CounterModeCipher implements PacketCipher {
  readonly #key: KeyObject;
  readonly #authKey: KeyObject;
  readonly #salt: Buffer;
  readonly #counter = Buffer.alloc(16);
  readonly #rollover = Buffer.alloc(4);

  constructor({ cipherKey, salt, authKey }: SessionKeys) {
    this.#key = createSecretKey(cipherKey);
    this.#authKey = createSecretKey(authKey);
    this.#salt = salt;
  }

  seal(source: Buffer, sourceAt: number, target: Buffer, at: number, headerBytes: number, packetBytes: number, rollover: number): void {
    this.#setCounter(target, at, rollover);
    const cipher = createCipheriv("aes-128-ctr", this.#key, this.#counter);
    cipher.update(source.subarray(sourceAt + headerBytes, sourceAt + packetBytes)).copy(target, at + headerBytes);
    this.#tag(target, at, at + packetBytes, rollover).copy(target, at + packetBytes, 0, TAG_BYTES);
  }

  open(bytes: Buffer, start: number, end: number, headerBytes: number, rollover: number): boolean {
    const tagAt = end - TAG_BYTES;
    const tag = this.#tag(bytes, start, tagAt, rollover).subarray(0, TAG_BYTES);
    if (!timingSafeEqual(tag, bytes.subarray(tagAt, end))) return false;
    this.#setCounter(bytes, start, rollover);
    const cipher = createCipheriv("aes-128-ctr", this.#key, this.#counter);
    cipher.update(bytes.subarray(start + headerBytes, tagAt)).copy(bytes, start + headerBytes);
    return true;
  }

  close(): void {}

  /** §4.2: over the packet and the rollover counter. */
  #tag(bytes: Buffer, start: number, end: number, rollover: number): Buffer {
    this.#rollover.writeUInt32BE(rollover);
    return createHmac("sha1", this.#authKey).update(bytes.subarray(start, end)).update(this.#rollover).digest();
  }

  /** §4.1.1: salt · 2^16 XOR SSRC · 2^64 XOR index · 2^16. */
  #setCounter(packet: Buffer, at: number, rollover: number): void {
    const salt = this.#salt;
    const counter = this.#counter;
    for (let i = 0; i < 4; i++) {
      counter[i] = salt[i]!;
      counter[4 + i] = salt[4 + i]! ^ packet[at + 8 + i]!;
    }
    counter[8] = salt[8]! ^ (rollover >>> 24);
    counter[9] = salt[9]! ^ (rollover >>> 16);
    counter[10] = salt[10]! ^ (rollover >>> 8);
    counter[11] = salt[11]! ^ rollover;
    counter[12] = salt[12]! ^ packet[at + 2]!;
    counter[13] = salt[13]! ^ packet[at + 3]!;
  }
}

// AES-128 in counter mode and HMAC-SHA1 through node:crypto, as RFC 3711 §4.1.1 and §4.2 have them.
import { createCipheriv, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import type { PacketCipher } from "./packet-cipher.ts";
import type { SessionKeys } from "./session-keys.ts";

const TAG_BYTES = 10;

export class CounterModeCipher implements PacketCipher {
  readonly #authKey: KeyObject;
  readonly #nonce: Buffer;
  readonly #rollover = Buffer.alloc(4);
  #key: KeyObject | undefined;

  constructor({ cipherKey, authKey }: SessionKeys, nonce: Buffer) {
    this.#key = createSecretKey(cipherKey);
    this.#authKey = createSecretKey(authKey);
    this.#nonce = nonce;
  }

  seal(source: Buffer, sourceAt: number, target: Buffer, at: number, headerBytes: number, packetBytes: number, rollover: number): boolean {
    if (this.#key === undefined) return false;
    const cipher = createCipheriv("aes-128-ctr", this.#key, this.#nonce);
    cipher.update(source.subarray(sourceAt + headerBytes, sourceAt + packetBytes)).copy(target, at + headerBytes);
    this.#tag(target, at, at + packetBytes, rollover).copy(target, at + packetBytes, 0, TAG_BYTES);
    return true;
  }

  open(bytes: Buffer, start: number, end: number, headerBytes: number, rollover: number): boolean {
    if (this.#key === undefined) return false;
    const tagAt = end - TAG_BYTES;
    const tag = this.#tag(bytes, start, tagAt, rollover).subarray(0, TAG_BYTES);
    if (!timingSafeEqual(tag, bytes.subarray(tagAt, end))) return false;
    const cipher = createCipheriv("aes-128-ctr", this.#key, this.#nonce);
    cipher.update(bytes.subarray(start + headerBytes, tagAt)).copy(bytes, start + headerBytes);
    return true;
  }

  close(): void {
    this.#key = undefined;
  }

  /** §4.2: over the packet and the rollover counter. */
  #tag(bytes: Buffer, start: number, end: number, rollover: number): Buffer {
    this.#rollover.writeUInt32BE(rollover);
    return createHmac("sha1", this.#authKey).update(bytes.subarray(start, end)).update(this.#rollover).digest();
  }
}

// SRTP with AES-128 in Galois/counter mode through node:crypto, RFC 7714 §8.
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import type { PacketCipher } from "./packet-cipher.ts";
import type { SessionKeys } from "./session-keys.ts";

const TAG_BYTES = 16;

export class GcmCipher implements PacketCipher {
  readonly #key: KeyObject;
  readonly #salt: Buffer;
  readonly #nonce = Buffer.alloc(12);

  constructor({ cipherKey, salt }: SessionKeys) {
    this.#key = createSecretKey(cipherKey);
    this.#salt = salt;
  }

  seal(source: Buffer, sourceAt: number, target: Buffer, at: number, headerBytes: number, packetBytes: number, rollover: number): void {
    this.#setNonce(target, at, rollover);
    const cipher = createCipheriv("aes-128-gcm", this.#key, this.#nonce);
    cipher.setAAD(target.subarray(at, at + headerBytes)); // §8.2
    const payload = cipher.update(source.subarray(sourceAt + headerBytes, sourceAt + packetBytes));
    payload.copy(target, at + headerBytes);
    cipher.final();
    cipher.getAuthTag().copy(target, at + packetBytes);
  }

  open(bytes: Buffer, start: number, end: number, headerBytes: number, rollover: number): boolean {
    this.#setNonce(bytes, start, rollover);
    const decipher = createDecipheriv("aes-128-gcm", this.#key, this.#nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(bytes.subarray(start, start + headerBytes));
    decipher.setAuthTag(bytes.subarray(end - TAG_BYTES, end));
    const payload = decipher.update(bytes.subarray(start + headerBytes, end - TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return false;
    }
    payload.copy(bytes, start + headerBytes);
    return true;
  }

  close(): void {}

  /** §8.1: two zero bytes, SSRC, rollover counter, sequence number, all XOR the salt. */
  #setNonce(packet: Buffer, at: number, rollover: number): void {
    const salt = this.#salt;
    const nonce = this.#nonce;
    nonce[0] = salt[0]!;
    nonce[1] = salt[1]!;
    for (let i = 0; i < 4; i++) nonce[2 + i] = salt[2 + i]! ^ packet[at + 8 + i]!;
    nonce[6] = salt[6]! ^ (rollover >>> 24);
    nonce[7] = salt[7]! ^ (rollover >>> 16);
    nonce[8] = salt[8]! ^ (rollover >>> 8);
    nonce[9] = salt[9]! ^ rollover;
    nonce[10] = salt[10]! ^ packet[at + 2]!;
    nonce[11] = salt[11]! ^ packet[at + 3]!;
  }
}

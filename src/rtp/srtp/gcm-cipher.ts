// AES-128 in Galois/counter mode through node:crypto, as RFC 7714 §8 has it.
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import type { PacketCipher } from "./packet-cipher.ts";
import type { SessionKeys } from "./session-keys.ts";

const TAG_BYTES = 16;

export class GcmCipher implements PacketCipher {
  readonly #nonce: Buffer;
  #key: KeyObject | undefined;

  constructor({ cipherKey }: SessionKeys, nonce: Buffer) {
    this.#key = createSecretKey(cipherKey);
    this.#nonce = nonce;
  }

  seal(source: Buffer, sourceAt: number, target: Buffer, at: number, headerBytes: number, packetBytes: number): boolean {
    if (this.#key === undefined) return false;
    const cipher = createCipheriv("aes-128-gcm", this.#key, this.#nonce);
    cipher.setAAD(target.subarray(at, at + headerBytes)); // §8.2
    const payload = cipher.update(source.subarray(sourceAt + headerBytes, sourceAt + packetBytes));
    payload.copy(target, at + headerBytes);
    cipher.final();
    cipher.getAuthTag().copy(target, at + packetBytes);
    return true;
  }

  open(bytes: Buffer, start: number, end: number, headerBytes: number): boolean {
    if (this.#key === undefined) return false;
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

  close(): void {
    this.#key = undefined;
  }
}

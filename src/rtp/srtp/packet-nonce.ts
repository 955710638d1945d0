// What makes the keystream of every packet another: SSRC and index, XOR the salt (RFC 3711 §4.1.1, RFC 7714 §8.1 and §9.1).
import type { SrtpProfile } from "./srtp-profile.ts";

/** AES-GCM takes 12 bytes. Counter mode takes 16, all fields two bytes later, and counts its blocks in the last two. */
export class PacketNonce {
  /** Of the packet that was set last; always the same buffer. */
  readonly bytes: Buffer;
  readonly #salt: Buffer;
  readonly #ssrcAt: number;

  constructor(profile: SrtpProfile, salt: Buffer) {
    const sizeBytes = profile.aead ? 12 : 16;
    this.#ssrcAt = profile.aead ? 2 : 4;
    this.#salt = Buffer.alloc(sizeBytes);
    salt.copy(this.#salt);
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes);
    this.#salt.copy(this.bytes);
  }

  /** For the RTP packet at `at` in `bytes`. `rollover`: the upper 32 bits of its index. */
  setRtp(bytes: Buffer, at: number, rollover: number): void {
    const salt = this.#salt;
    const nonce = this.bytes;
    const to = this.#ssrcAt;
    nonce[to] = salt[to]! ^ bytes[at + 8]!;
    nonce[to + 1] = salt[to + 1]! ^ bytes[at + 9]!;
    nonce[to + 2] = salt[to + 2]! ^ bytes[at + 10]!;
    nonce[to + 3] = salt[to + 3]! ^ bytes[at + 11]!;
    nonce[to + 4] = salt[to + 4]! ^ (rollover >>> 24);
    nonce[to + 5] = salt[to + 5]! ^ (rollover >>> 16);
    nonce[to + 6] = salt[to + 6]! ^ (rollover >>> 8);
    nonce[to + 7] = salt[to + 7]! ^ rollover;
    nonce[to + 8] = salt[to + 8]! ^ bytes[at + 2]!;
    nonce[to + 9] = salt[to + 9]! ^ bytes[at + 3]!;
  }

  /** For the RTCP compound at `at` in `bytes`. */
  setRtcp(bytes: Buffer, at: number, index: number): void {
    const salt = this.#salt;
    const ssrcAt = this.#ssrcAt;
    const indexAt = ssrcAt + 6;
    this.bytes.writeUInt32BE((salt.readUInt32BE(ssrcAt) ^ bytes.readUInt32BE(at + 4)) >>> 0, ssrcAt);
    this.bytes.writeUInt32BE((salt.readUInt32BE(indexAt) ^ index) >>> 0, indexAt);
  }
}

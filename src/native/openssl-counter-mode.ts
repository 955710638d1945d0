// AES-128 in counter mode and HMAC-SHA1 through OpenSSL's own functions, as RFC 3711 §4.1.1 and §4.2 have them.
import type { CipherBench, CipherKeys, OpenSslCipher } from "./openssl-cipher.ts";

const TAG_BYTES = 10;
const ROLLOVER_BYTES = 4;

export class OpenSslCounterMode implements OpenSslCipher {
  /** Kept, because OpenSSL reads it at its address. */
  readonly nonce: Buffer;
  readonly #bench: CipherBench;
  readonly #nonceAddress: number;
  /** 0: none, or closed. Encrypting is decrypting. */
  #cipher = 0;
  #hmac = 0;

  constructor(bench: CipherBench, { cipherKey, authKey }: CipherKeys, nonce: Buffer) {
    const { openSsl } = bench;
    this.#bench = bench;
    this.nonce = nonce;
    this.#nonceAddress = openSsl.address(nonce);
    this.#cipher = openSsl.newCipher();
    this.#hmac = openSsl.newHmac();
    const ready =
      this.#cipher !== 0 &&
      this.#hmac !== 0 &&
      bench.withKey(cipherKey, (key) => openSsl.encryptInit(this.#cipher, openSsl.aes128Ctr, 0, key, 0)) === 1 &&
      bench.withKey(authKey, (key) => openSsl.hmacInit(this.#hmac, key, authKey.length, openSsl.sha1, 0)) === 1;
    if (!ready) this.close();
  }

  seal(source: Buffer, sourceAt: number, target: Buffer, at: number, headerBytes: number, packetBytes: number, rollover: number): boolean {
    if (this.#cipher === 0) return false;
    const { sources, targets, scratch } = this.#bench;
    const packet = targets.of(target) + at;
    const from = sources.of(source) + sourceAt + headerBytes;
    if (!this.#apply(from, packet + headerBytes, packetBytes - headerBytes)) return false;
    if (!this.#digest(packet, packetBytes, rollover)) return false;
    const digest = scratch.bytes;
    const tagAt = at + packetBytes;
    for (let i = 0; i < TAG_BYTES; i++) target[tagAt + i] = digest[i]!;
    return true;
  }

  open(bytes: Buffer, start: number, end: number, headerBytes: number, rollover: number): boolean {
    if (this.#cipher === 0) return false;
    const { targets, scratch } = this.#bench;
    const packet = targets.of(bytes) + start;
    const tagAt = end - TAG_BYTES;
    if (!this.#digest(packet, tagAt - start, rollover)) return false;
    const digest = scratch.bytes;
    let difference = 0; // in the same time wherever it lies
    for (let i = 0; i < TAG_BYTES; i++) difference |= digest[i]! ^ bytes[tagAt + i]!;
    return difference === 0 && this.#apply(packet + headerBytes, packet + headerBytes, tagAt - start - headerBytes);
  }

  close(): void {
    const { openSsl } = this.#bench;
    if (this.#cipher !== 0) openSsl.freeCipher(this.#cipher);
    if (this.#hmac !== 0) openSsl.freeHmac(this.#hmac);
    this.#cipher = 0;
    this.#hmac = 0;
  }

  #apply(from: number, to: number, sizeBytes: number): boolean {
    const { openSsl, size } = this.#bench;
    return (
      openSsl.encryptInit(this.#cipher, 0, 0, 0, this.#nonceAddress) === 1 &&
      (sizeBytes === 0 || openSsl.encryptUpdate(this.#cipher, to, size.address, from, sizeBytes) === 1)
    );
  }

  /** §4.2: over the packet and the rollover counter; into the scratch memory. */
  #digest(packet: number, sizeBytes: number, rollover: number): boolean {
    const { openSsl, scratch } = this.#bench;
    const bytes = scratch.bytes;
    bytes[0] = rollover >>> 24;
    bytes[1] = rollover >>> 16;
    bytes[2] = rollover >>> 8;
    bytes[3] = rollover;
    return (
      openSsl.hmacInit(this.#hmac, 0, 0, 0, 0) === 1 &&
      openSsl.hmacUpdate(this.#hmac, packet, sizeBytes) === 1 &&
      openSsl.hmacUpdate(this.#hmac, scratch.address, ROLLOVER_BYTES) === 1 &&
      openSsl.hmacFinal(this.#hmac, scratch.address, 0) === 1
    );
  }
}

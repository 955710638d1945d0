// AES-128 in Galois/counter mode through OpenSSL's own functions, as RFC 7714 §8 has it: contexts are made once, a packet sets the nonce.
import { EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG } from "./openssl.ts";
import type { CipherBench, CipherKeys, OpenSslCipher } from "./openssl-cipher.ts";

const TAG_BYTES = 16;

export class OpenSslGcm implements OpenSslCipher {
  /** Kept, because OpenSSL reads it at its address. */
  readonly nonce: Buffer;
  readonly #bench: CipherBench;
  readonly #nonceAddress: number;
  /** 0: none, or closed. One serves one direction. */
  #sealing = 0;
  #opening = 0;

  constructor(bench: CipherBench, { cipherKey }: CipherKeys, nonce: Buffer) {
    const { openSsl } = bench;
    this.#bench = bench;
    this.nonce = nonce;
    this.#nonceAddress = openSsl.address(nonce);
    bench.withKey(cipherKey, (key) => {
      this.#sealing = openSsl.newCipher();
      this.#opening = openSsl.newCipher();
      const ready =
        this.#sealing !== 0 &&
        this.#opening !== 0 &&
        openSsl.encryptInit(this.#sealing, openSsl.aes128Gcm, 0, key, 0) === 1 &&
        openSsl.decryptInit(this.#opening, openSsl.aes128Gcm, 0, key, 0) === 1;
      if (!ready) this.close();
    });
  }

  seal(source: Buffer, sourceAt: number, target: Buffer, at: number, headerBytes: number, packetBytes: number): boolean {
    const context = this.#sealing;
    if (context === 0) return false;
    const { openSsl, sources, targets, size } = this.#bench;
    const header = targets.of(target) + at;
    const payload = header + headerBytes;
    const payloadBytes = packetBytes - headerBytes;
    return (
      openSsl.encryptInit(context, 0, 0, 0, this.#nonceAddress) === 1 &&
      openSsl.encryptUpdate(context, 0, size.address, header, headerBytes) === 1 && // §8.2
      (payloadBytes === 0 ||
        openSsl.encryptUpdate(context, payload, size.address, sources.of(source) + sourceAt + headerBytes, payloadBytes) === 1) &&
      openSsl.encryptFinal(context, payload, size.address) === 1 &&
      openSsl.controlCipher(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, header + packetBytes) === 1
    );
  }

  open(bytes: Buffer, start: number, end: number, headerBytes: number): boolean {
    const context = this.#opening;
    if (context === 0) return false;
    const { openSsl, targets, size } = this.#bench;
    const header = targets.of(bytes) + start;
    const payload = header + headerBytes;
    const payloadBytes = end - start - headerBytes - TAG_BYTES;
    return (
      openSsl.decryptInit(context, 0, 0, 0, this.#nonceAddress) === 1 &&
      openSsl.decryptUpdate(context, 0, size.address, header, headerBytes) === 1 &&
      (payloadBytes === 0 || openSsl.decryptUpdate(context, payload, size.address, payload, payloadBytes) === 1) &&
      openSsl.controlCipher(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, payload + payloadBytes) === 1 &&
      openSsl.decryptFinal(context, payload, size.address) === 1
    );
  }

  close(): void {
    const { openSsl } = this.#bench;
    for (const context of [this.#sealing, this.#opening]) if (context !== 0) openSsl.freeCipher(context);
    this.#sealing = 0;
    this.#opening = 0;
  }
}

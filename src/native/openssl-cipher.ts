// What the ciphers over OpenSSL share, and what they look like from outside: that is `PacketCipher` of rtp/srtp.
import { AddressCache } from "./address-cache.ts";
import { Memory } from "./memory.ts";
import type { OpenSsl } from "./openssl.ts";

export interface CipherKeys {
  readonly profile: { readonly aead: boolean };
  readonly cipherKey: Buffer;
  /** Empty where the cipher authenticates. */
  readonly authKey: Buffer;
}

/** Packets of RTP, one at a time; what its functions promise stands in `rtp/srtp/packet-cipher.ts`. */
export interface OpenSslCipher {
  seal(source: Buffer, sourceAt: number, target: Buffer, at: number, headerBytes: number, packetBytes: number, rollover: number): boolean;
  open(bytes: Buffer, start: number, end: number, headerBytes: number, rollover: number): boolean;
  close(): void;
}

/** The library with memory that all ciphers of the process use, one call after the other. */
export class CipherBench {
  readonly openSsl: OpenSsl;
  /** Where packets come from, and where they go. */
  readonly sources: AddressCache;
  readonly targets: AddressCache;
  /** Sizes that nobody reads. */
  readonly size: Memory;
  /** A digest, a rollover counter, a key. */
  readonly scratch: Memory;

  constructor(openSsl: OpenSsl) {
    this.openSsl = openSsl;
    this.sources = new AddressCache(openSsl.address);
    this.targets = new AddressCache(openSsl.address);
    this.size = new Memory(openSsl, 8);
    this.scratch = new Memory(openSsl, 64);
  }

  /** Calls `use` with the address of a key, which nobody can read there afterwards. */
  withKey<T>(key: Buffer, use: (address: number) => T): T {
    key.copy(this.scratch.bytes);
    const result = use(this.scratch.address);
    this.scratch.bytes.fill(0);
    return result;
  }
}

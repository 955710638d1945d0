// Encrypts and authenticates single RTP packets: the part of SRTP that node:crypto and the OpenSSL beneath it both can do.
import { CounterModeCipher } from "./counter-mode-cipher.ts";
import { GcmCipher } from "./gcm-cipher.ts";
import type { SessionKeys } from "./session-keys.ts";

/** The keys of one direction at work. Nothing here throws on a peer's bytes. */
export interface PacketCipher {
  /**
   * Encrypts the payload of the packet at source[sourceAt … + packetBytes) into `target`, where the header stands already: `headerBytes` from
   * `at` on, as it goes out. The tag goes behind the packet. The buffers may be one, and the places then the same. `rollover`: the upper 32
   * bits of the packet's index. False: it could not be done, and nothing of it may be sent.
   */
  seal(source: Buffer, sourceAt: number, target: Buffer, at: number, headerBytes: number, packetBytes: number, rollover: number): boolean;
  /** Decrypts the packet at bytes[start … end), tag included, in place. False: not authentic, and the payload is garbage from then on. */
  open(bytes: Buffer, start: number, end: number, headerBytes: number, rollover: number): boolean;
  /** Frees what the collector does not know of. Afterwards every answer is false. */
  close(): void;
}

/** `nonce` is read at each call, for the packet that the call is about; it is the same buffer all the time. */
export type MakePacketCipher = (keys: SessionKeys, nonce: Buffer) => PacketCipher;

/** Through node:crypto, which every machine has. */
export function plainCipher(keys: SessionKeys, nonce: Buffer): PacketCipher {
  return keys.profile.aead ? new GcmCipher(keys, nonce) : new CounterModeCipher(keys, nonce);
}

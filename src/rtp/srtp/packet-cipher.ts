// Encrypts and authenticates single RTP packets: the part of SRTP that node:crypto and the OpenSSL beneath it both can do.
import { CounterModeCipher } from "./counter-mode-cipher.ts";
import { GcmCipher } from "./gcm-cipher.ts";
import type { SessionKeys } from "./session-keys.ts";

/** The keys of one direction at work. Nothing here throws on a peer's bytes. */
export interface PacketCipher {
  /**
   * Encrypts the payload of the packet at source[sourceAt … + packetBytes) into `target`, where the header stands already: `headerBytes` from
   * `at` on, sequence number and SSRC final. The tag goes behind the packet. The buffers may be one, and the places then the same.
   * `rollover`: the upper 32 bits of the packet's index.
   */
  seal(source: Buffer, sourceAt: number, target: Buffer, at: number, headerBytes: number, packetBytes: number, rollover: number): void;
  /** Decrypts the packet at bytes[start … end), tag included, in place. False: not authentic, and the payload is garbage from then on. */
  open(bytes: Buffer, start: number, end: number, headerBytes: number, rollover: number): boolean;
  /** Frees what the collector does not know of. Nothing may be asked of it afterwards. */
  close(): void;
}

export type MakePacketCipher = (keys: SessionKeys) => PacketCipher;

/** Through node:crypto, which every machine has. */
export function plainCipher(keys: SessionKeys): PacketCipher {
  return keys.profile.aead ? new GcmCipher(keys) : new CounterModeCipher(keys);
}

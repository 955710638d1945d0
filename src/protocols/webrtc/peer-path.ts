// One way to one peer: an address of a client, over the UDP port that all share or over a TCP connection of its own.
import type { PacketSlab } from "#native/send-plan.ts";

export interface PeerPath {
  readonly protocol: "udp" | "tcp";
  /** IPv4 without a prefix. */
  readonly address: string;
  readonly port: number;
  /** One datagram. Never throws; what cannot leave is dropped. */
  send(datagram: Buffer): void;
  /** Each packet as a datagram, in order: packet i is offsets[i] … offsets[i + 1]. True: the slab's bytes may be used for something else. */
  sendBurst(slab: PacketSlab): boolean;
  /** Bytes handed over that the peer has not taken; always 0 for datagrams. */
  pendingBytes(): number;
  /** The session that used it is gone. */
  close(): void;
}

// What both sides of DTLS have in common: what they are told, and what comes of it.
import type { SrtpMasterKeys } from "#rtp/srtp/session-keys.ts";
import type { Fingerprint } from "../offer.ts";
import type { DtlsIdentity } from "./identity.ts";

/** For what is sent and what comes. */
export interface SrtpKeys {
  readonly local: SrtpMasterKeys;
  readonly remote: SrtpMasterKeys;
}

export interface DtlsOptions {
  readonly identity: DtlsIdentity;
  /** One of them is the peer's certificate. */
  readonly fingerprints: readonly Fingerprint[];
  send(datagram: Buffer): void;
  /** Once. */
  onConnected(keys: SrtpKeys): void;
  /** Once, unless it was closed: the peer said goodbye (no fault), or the handshake failed. */
  onEnd(fault: string | undefined): void;
}

/** RFC 5246 §7.2 */
export const Alert = { closeNotify: 0, handshakeFailure: 40, warning: 1, fatal: 2 } as const;

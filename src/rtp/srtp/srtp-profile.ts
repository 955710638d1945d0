// Protection profiles of DTLS-SRTP: which ciphers, and how long their keys are (RFC 5764 §4.1.2, RFC 7714 §14.2).

export interface SrtpProfile {
  readonly name: "SRTP_AES128_CM_HMAC_SHA1_80" | "SRTP_AEAD_AES_128_GCM";
  /** The number in the `use_srtp` extension of DTLS. */
  readonly id: number;
  readonly aead: boolean;
  readonly keyBytes: number;
  /** Of the master salt and of the session's. */
  readonly saltBytes: number;
  /** Of the key that authenticates; 0: the cipher does. */
  readonly authKeyBytes: number;
  /** What a protected packet is longer. */
  readonly tagBytes: number;
}

/** RFC 5764 §4.1.2: every peer has it. */
export const AES128_CM_SHA1_80: SrtpProfile = {
  name: "SRTP_AES128_CM_HMAC_SHA1_80",
  id: 0x0001,
  aead: false,
  keyBytes: 16,
  saltBytes: 14,
  authKeyBytes: 20,
  tagBytes: 10,
};

/** RFC 7714 §14.2: half the cost of the other. */
export const AEAD_AES128_GCM: SrtpProfile = {
  name: "SRTP_AEAD_AES_128_GCM",
  id: 0x0007,
  aead: true,
  keyBytes: 16,
  saltBytes: 12,
  authKeyBytes: 0,
  tagBytes: 16,
};

/** All that are known, the preferred one first. */
export const SRTP_PROFILES: readonly SrtpProfile[] = [AEAD_AES128_GCM, AES128_CM_SHA1_80];

export function srtpProfileOf(id: number): SrtpProfile | undefined {
  return SRTP_PROFILES.find((profile) => profile.id === id);
}

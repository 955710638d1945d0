// Session keys out of a master key, RFC 3711 §4.3 with a key derivation rate of 0; the same for AES-GCM (RFC 7714 §11).
import { createCipheriv, createSecretKey } from "node:crypto";
import type { SrtpProfile } from "./srtp-profile.ts";

/** The keys of one direction of a session, as DTLS exports them. */
export interface SrtpMasterKeys {
  readonly profile: SrtpProfile;
  readonly masterKey: Buffer;
  readonly masterSalt: Buffer;
}

/** What RTP or RTCP of one direction is protected with. */
export interface SessionKeys {
  readonly profile: SrtpProfile;
  readonly cipherKey: Buffer;
  readonly salt: Buffer;
  /** Empty where the cipher authenticates. */
  readonly authKey: Buffer;
}

/** §4.3.2: the labels of SRTP are 0 (cipher), 1 (authentication), 2 (salt); those of SRTCP are 3 more. */
const LABEL_CIPHER = 0;
const LABEL_AUTH = 1;
const LABEL_SALT = 2;
const LABELS_OF_RTCP = 3;

/** A master key and a master salt of the lengths that the profile says, else `undefined`. */
export function deriveSessionKeys(master: SrtpMasterKeys, use: "rtp" | "rtcp"): SessionKeys | undefined {
  const { profile, masterKey, masterSalt } = master;
  if (masterKey.length !== profile.keyBytes || masterSalt.length !== profile.saltBytes) return undefined;
  const first = use === "rtp" ? 0 : LABELS_OF_RTCP;
  return {
    profile,
    cipherKey: derive(master, first + LABEL_CIPHER, profile.keyBytes),
    salt: derive(master, first + LABEL_SALT, profile.saltBytes),
    authKey: derive(master, first + LABEL_AUTH, profile.authKeyBytes),
  };
}

function derive({ masterKey, masterSalt }: SrtpMasterKeys, label: number, sizeBytes: number): Buffer {
  // §4.3.3: the counter starts at (label · 2^48 XOR salt) · 2^16. A salt of 96 bits stands at the same place (RFC 7714 §11).
  const counter = Buffer.alloc(16);
  masterSalt.copy(counter);
  counter[7] = counter[7]! ^ label;
  return createCipheriv("aes-128-ctr", createSecretKey(masterKey), counter).update(Buffer.alloc(sizeBytes));
}

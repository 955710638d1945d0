// A gateway's own name: derived from its public key, so that it is the same wherever the card is, and no two are alike.
import { createHash, type KeyObject } from "node:crypto";

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567"; // RFC 4648 §6, lower case
const DIGITS = 12;

/** `gw-` and 12 characters: 60 bits of the SHA-256 of the key's SubjectPublicKeyInfo. */
export function derivedGatewayId(publicKey: KeyObject): string {
  const digest = createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest();
  let [value, bits, text] = [0, 0, ""];
  for (const byte of digest) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(value >>> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return `gw-${text.slice(0, DIGITS)}`;
}

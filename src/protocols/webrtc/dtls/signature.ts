// Signatures of DTLS handshakes: which are understood, and whether one is of the owner of a certificate (RFC 5246 §7.4.1.4.1, RFC 8446 §4.2.3).
import { constants, createHash, verify, X509Certificate } from "node:crypto";
import type { Fingerprint } from "../offer.ts";

export const SECP256R1 = 23;
/** ecdsa_secp256r1_sha256 */
export const OWN_SCHEME = 0x0403;

/** What a peer's certificate may sign with: hash and padding for `node:crypto`. */
export const SIGNATURE_SCHEMES: ReadonlyMap<number, { readonly hash: string; readonly key: "ec" | "rsa"; readonly pss: boolean }> = new Map(
  [
    [0x0403, { hash: "sha256", key: "ec", pss: false }],
    [0x0503, { hash: "sha384", key: "ec", pss: false }],
    [0x0603, { hash: "sha512", key: "ec", pss: false }],
    [0x0804, { hash: "sha256", key: "rsa", pss: true }],
    [0x0805, { hash: "sha384", key: "rsa", pss: true }],
    [0x0806, { hash: "sha512", key: "rsa", pss: true }],
    [0x0401, { hash: "sha256", key: "rsa", pss: false }],
    [0x0501, { hash: "sha384", key: "rsa", pss: false }],
    [0x0601, { hash: "sha512", key: "rsa", pss: false }],
  ],
);

/** Whether a certificate is one that the peer's session description told of (RFC 8122 §5). */
export function isExpectedCertificate(certificate: Buffer | undefined, fingerprints: readonly Fingerprint[]): certificate is Buffer {
  return (
    certificate !== undefined &&
    fingerprints.some(({ algorithm, digest }) => createHash(algorithm.replace("-", "")).update(certificate).digest().equals(digest))
  );
}

/** Whether who owns the certificate signed the content. Never throws. */
export function isSignedBy(certificate: Buffer, scheme: number, content: Buffer, signature: Buffer): boolean {
  const known = SIGNATURE_SCHEMES.get(scheme);
  if (known === undefined) return false;
  try {
    const key = new X509Certificate(certificate).publicKey;
    if (key.asymmetricKeyType !== known.key) return false;
    const padding = known.pss && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
    return verify(known.hash, content, { key, ...padding }, signature);
  } catch {
    return false;
  }
}

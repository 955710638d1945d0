// The certificate that DTLS shows: self-signed, made anew for each process (RFC 8827 §6.5), known to peers by its fingerprint (RFC 8122 §5).
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface DtlsIdentity {
  /** X.509, DER. */
  readonly certificate: Buffer;
  /** ECDSA, P-256. */
  readonly key: KeyObject;
  /** As `a=fingerprint` writes it. */
  readonly fingerprint: string;
}

/** X.690 tags. */
const Tag = {
  integer: 0x02,
  bitString: 0x03,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;
/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = der(Tag.sequence, der(Tag.oid, Buffer.from("2a8648ce3d040302", "hex")));
/** 2.5.4.3 */
const COMMON_NAME = der(Tag.oid, Buffer.from("550403", "hex"));

export function makeIdentity(): DtlsIdentity {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serial = randomBytes(8);
  serial[0] = (serial[0]! & 0x3f) | 0x40; // positive, without a leading zero
  const name = der(Tag.sequence, der(Tag.set, der(Tag.sequence, COMMON_NAME, der(Tag.utf8String, Buffer.from("camgate")))));
  // RFC 5280 §4.1.2.5: no well-defined expiration. Whatever the clock of a site says, the certificate is valid.
  const validity = der(
    Tag.sequence,
    der(Tag.utcTime, Buffer.from("700101000000Z")),
    der(Tag.generalizedTime, Buffer.from("99991231235959Z")),
  );
  const toBeSigned = der(
    Tag.sequence,
    der(0xa0, der(Tag.integer, Buffer.from([2]))), // version 3
    der(Tag.integer, serial),
    ECDSA_WITH_SHA256,
    name,
    validity,
    name,
    publicKey.export({ format: "der", type: "spki" }),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = der(Tag.sequence, toBeSigned, ECDSA_WITH_SHA256, der(Tag.bitString, Buffer.from([0]), signature));
  return { certificate, key: privateKey, fingerprint: `sha-256 ${fingerprintText(certificate)}` };
}

function fingerprintText(certificate: Buffer): string {
  return createHash("sha256").update(certificate).digest("hex").toUpperCase().match(/../g)!.join(":");
}

/** One value with its tag and length, X.690 §8.1. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

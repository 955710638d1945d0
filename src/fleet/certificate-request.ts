// A request for a certificate: PKCS #10 (RFC 2986) for a key on P-256, with a common name and nothing else. Node can make none.
import { createPublicKey, type KeyObject, sign } from "node:crypto";

/** 1.2.840.10045.4.3.2, RFC 5758 §3.2. */
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/** 2.5.4.3, RFC 5280 appendix A.1. */
const COMMON_NAME = [0x55, 0x04, 0x03];

/** PEM. `privateKey` is on P-256. */
export function writeCertificateRequest(name: string, privateKey: KeyObject): string {
  const subject = sequence(element(0x31, sequence(oid(COMMON_NAME), element(0x0c, Buffer.from(name)))));
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const version = element(0x02, Buffer.from([0]));
  const attributes = element(0xa0, Buffer.alloc(0));
  const asked = sequence(version, subject, publicKey, attributes);
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", asked, privateKey)]); // no unused bits
  const der = sequence(asked, sequence(oid(ECDSA_WITH_SHA256)), element(0x03, signature));
  const lines = der.toString("base64").match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join("\n")}\n-----END CERTIFICATE REQUEST-----\n`;
}

/** DER, X.690 §8.1: tag, length, content. */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

function oid(bytes: readonly number[]): Buffer {
  return element(0x06, Buffer.from(bytes));
}

// What a DTLS 1.2 server says in a handshake with ECDHE and ECDSA on P-256 (RFC 5246 §7.4, RFC 8422 §5, RFC 6347 §4.2.1).
import { sign } from "node:crypto";
import type { DtlsIdentity } from "./identity.ts";
import type { Randoms } from "./key-schedule.ts";
import { DTLS_1_2 } from "./record.ts";
import { OWN_SCHEME, SECP256R1, SIGNATURE_SCHEMES } from "./signature.ts";
import { extension, uint, vector } from "./vectors.ts";

/** TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: the one that every WebRTC endpoint has (RFC 8827 §6.5). */
export const CIPHER_SUITE = 0xc02b;
export function helloVerifyRequestBody(cookie: Buffer): Buffer {
  return Buffer.concat([uint(0xfeff, 2), vector(1, cookie)]); // §4.2.1: always 1.0
}

export interface ServerHelloFields {
  readonly random: Buffer;
  readonly srtpProfile: number;
  readonly extendedMasterSecret: boolean;
  readonly secureRenegotiation: boolean;
  readonly namesGroups: boolean;
}

export function serverHelloBody({ random, srtpProfile, ...has }: ServerHelloFields): Buffer {
  const extensions = [extension(14, Buffer.concat([vector(2, uint(srtpProfile, 2)), Buffer.from([0])]))]; // use_srtp without an MKI
  if (has.extendedMasterSecret) extensions.push(extension(23, Buffer.alloc(0)));
  if (has.secureRenegotiation) extensions.push(extension(0xff01, Buffer.from([0])));
  if (has.namesGroups) extensions.push(extension(11, vector(1, Buffer.from([0])))); // points are uncompressed
  return Buffer.concat([
    uint(DTLS_1_2, 2),
    random,
    vector(1, Buffer.alloc(0)),
    uint(CIPHER_SUITE, 2),
    Buffer.from([0]),
    vector(2, Buffer.concat(extensions)),
  ]);
}

export function certificateBody({ certificate }: DtlsIdentity): Buffer {
  return vector(3, vector(3, certificate));
}

/** `point`: the server's, uncompressed. */
export function serverKeyExchangeBody({ key }: DtlsIdentity, { client, server }: Randoms, point: Buffer): Buffer {
  const parameters = Buffer.concat([Buffer.from([3]), uint(SECP256R1, 2), vector(1, point)]); // named_curve
  const signature = sign("sha256", Buffer.concat([client, server, parameters]), key);
  return Buffer.concat([parameters, uint(OWN_SCHEME, 2), vector(2, signature)]);
}

/** Any authority: the fingerprint decides. */
export function certificateRequestBody(): Buffer {
  const types = vector(1, Buffer.from([64, 1])); // ecdsa_sign, rsa_sign
  const schemes = vector(2, Buffer.concat([...SIGNATURE_SCHEMES.keys()].map((scheme) => uint(scheme, 2))));
  return Buffer.concat([types, schemes, vector(2, Buffer.alloc(0))]);
}

// What a DTLS 1.2 client says in a handshake with ECDHE on P-256, and what it reads of the server (RFC 5246 §7.4, RFC 8422 §5, RFC 6347 §4.2.1).
import { sign } from "node:crypto";
import { SRTP_PROFILES } from "#rtp/srtp/srtp-profile.ts";
import type { DtlsIdentity } from "./identity.ts";
import { DTLS_1_2 } from "./record.ts";
import { OWN_SCHEME, SECP256R1, SIGNATURE_SCHEMES } from "./signature.ts";
import { extension, numbersIn, uint, Vectors, vector } from "./vectors.ts";

/** TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, which every WebRTC endpoint has (RFC 8827 §6.5), and the same for servers with an RSA certificate. */
const CIPHER_SUITES: readonly number[] = [0xc02b, 0xc02f];
const Extension = {
  groups: 10,
  pointFormats: 11,
  signatureSchemes: 13,
  useSrtp: 14,
  extendedMasterSecret: 23,
  renegotiation: 0xff01,
} as const;
const NAMED_CURVE = 3;
const UNCOMPRESSED_POINT_BYTES = 65;

export function clientHelloBody(random: Buffer, cookie: Buffer): Buffer {
  const list = (numbers: Iterable<number>): Buffer => vector(2, Buffer.concat([...numbers].map((number) => uint(number, 2))));
  const extensions = [
    extension(Extension.groups, list([SECP256R1])),
    extension(Extension.pointFormats, vector(1, Buffer.from([0]))),
    extension(Extension.signatureSchemes, list(SIGNATURE_SCHEMES.keys())),
    extension(Extension.useSrtp, Buffer.concat([list(SRTP_PROFILES.map(({ id }) => id)), Buffer.from([0])])), // no MKI
    extension(Extension.extendedMasterSecret, Buffer.alloc(0)),
    extension(Extension.renegotiation, Buffer.from([0])),
  ];
  return Buffer.concat([
    uint(DTLS_1_2, 2),
    random,
    vector(1, Buffer.alloc(0)), // no session to resume
    vector(1, cookie),
    list(CIPHER_SUITES),
    vector(1, Buffer.from([0])), // no compression
    vector(2, Buffer.concat(extensions)),
  ]);
}

/** undefined: it is broken. */
export function parseHelloVerifyRequest(body: Buffer): Buffer | undefined {
  const vectors = new Vectors(body);
  return vectors.take(2) && vectors.vector(1);
}

export interface ServerHello {
  readonly random: Buffer;
  readonly srtpProfile: number | undefined;
  readonly extendedMasterSecret: boolean;
}

/** In words what is wrong with it, if something is. */
export function parseServerHello(body: Buffer): ServerHello | string {
  const vectors = new Vectors(body);
  const version = vectors.uint(2);
  const random = vectors.take(32);
  const session = vectors.vector(1);
  const suite = vectors.uint(2);
  const compression = vectors.uint(1);
  if (random === undefined || session === undefined || suite === undefined || compression === undefined) return "the ServerHello is broken";
  if (version !== DTLS_1_2) return "the server does not speak DTLS 1.2";
  if (!CIPHER_SUITES.includes(suite) || compression !== 0) return "the server chose a cipher that was not offered";
  let srtpProfile: number | undefined;
  let extendedMasterSecret = false;
  const extensions = new Vectors(vectors.vector(2) ?? Buffer.alloc(0));
  while (!extensions.done) {
    const type = extensions.uint(2);
    const data = extensions.vector(2);
    if (type === undefined || data === undefined) return "the ServerHello is broken";
    if (type === Extension.useSrtp) srtpProfile = numbersIn(new Vectors(data).vector(2) ?? Buffer.alloc(0))[0];
    else if (type === Extension.extendedMasterSecret) extendedMasterSecret = true;
  }
  return { random, srtpProfile, extendedMasterSecret };
}

export interface ServerKeyExchange {
  /** The server's point, uncompressed. */
  readonly point: Buffer;
  /** What is signed, behind both randoms. */
  readonly parameters: Buffer;
  readonly scheme: number;
  readonly signature: Buffer;
}

/** undefined: broken, or of another curve. */
export function parseServerKeyExchange(body: Buffer): ServerKeyExchange | undefined {
  const vectors = new Vectors(body);
  const isNamed = vectors.uint(1) === NAMED_CURVE && vectors.uint(2) === SECP256R1;
  const point = vectors.vector(1);
  const parameters = body.subarray(0, vectors.at);
  const scheme = vectors.uint(2);
  const signature = vectors.vector(2);
  if (!isNamed || point?.length !== UNCOMPRESSED_POINT_BYTES || scheme === undefined || signature === undefined) return undefined;
  return { point, parameters, scheme, signature };
}

/** `point`: the client's, uncompressed. */
export function clientKeyExchangeBody(point: Buffer): Buffer {
  return vector(1, point);
}

/** Over every handshake message so far. */
export function certificateVerifyBody({ key }: DtlsIdentity, transcript: Buffer): Buffer {
  return Buffer.concat([uint(OWN_SCHEME, 2), vector(2, sign("sha256", transcript, key))]);
}

// Certificates that tests make for themselves: ECDSA on P-256 or RSA, self-signed or by an authority of the test, in DER by hand (X.509, RFC 5280 §4.1).
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";

export interface SelfSigned {
  readonly name: string;
  /** PEM. */
  readonly key: Buffer;
  readonly cert: Buffer;
  /** SHA-256 of the certificate in DER, hex. */
  readonly fingerprint: string;
}

export interface SelfSignedOptions {
  readonly name?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Default: `localhost` and 127.0.0.1. */
  readonly hosts?: readonly string[];
  /** May sign others. */
  readonly isAuthority?: boolean;
  /** Who signs it; default: itself. */
  readonly issuer?: SelfSigned;
  /** Default: ECDSA on P-256. */
  readonly rsa?: boolean;
  /** The private key that it is for, in PEM, on P-256; default: a new one. */
  readonly key?: string;
}

export function makeSelfSigned({
  name = "camgate.test",
  notBefore = new Date("2020-01-01T00:00:00Z"),
  notAfter = new Date("2120-01-01T00:00:00Z"),
  hosts = ["localhost", "127.0.0.1"],
  isAuthority = false,
  issuer,
  rsa = false,
  key,
}: SelfSignedOptions = {}): SelfSigned {
  const privateKey =
    key !== undefined
      ? createPrivateKey(key)
      : rsa
        ? generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey
        : generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const publicKey = createPublicKey(privateKey);
  const algorithm = rsa ? sequence(oid(SHA256_WITH_RSA), element(0x05, Buffer.alloc(0))) : sequence(oid(ECDSA_WITH_SHA256));
  const nameOf = (text: string): Buffer => sequence(set(sequence(oid(COMMON_NAME), utf8(text))));
  const names = sequence(...hosts.map((host) => (isIP(host) === 4 ? element(0x87, addressBytes(host)) : element(0x82, Buffer.from(host)))));
  const extensions = [sequence(oid(SUBJECT_ALT_NAME), element(0x04, names))];
  if (isAuthority) extensions.push(sequence(oid(BASIC_CONSTRAINTS), element(0x01, TRUE), element(0x04, sequence(element(0x01, TRUE)))));
  const body = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))), // version 3
    element(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(issuer?.name ?? name),
    sequence(time(notBefore), time(notAfter)),
    nameOf(name),
    publicKey.export({ type: "spki", format: "der" }),
    element(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", body, issuer === undefined ? privateKey : createPrivateKey(issuer.key));
  const der = sequence(body, algorithm, element(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g)!;
  return {
    name,
    key: Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })),
    cert: Buffer.from(`-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`),
    fingerprint: createHash("sha256").update(der).digest("hex"),
  };
}

/** Writes `server.key` and `server.crt` into a folder. */
export async function writeSelfSigned(
  folder: string,
  pair: SelfSigned = makeSelfSigned(),
): Promise<SelfSigned & { readonly keyFile: string; readonly certFile: string }> {
  const [keyFile, certFile] = [join(folder, "server.key"), join(folder, "server.crt")];
  await writeFile(keyFile, pair.key);
  await writeFile(certFile, pair.cert);
  return { ...pair, keyFile, certFile };
}

const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const SHA256_WITH_RSA = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const COMMON_NAME = [0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];
const TRUE = Buffer.from([0xff]);

function addressBytes(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

function set(...parts: readonly Buffer[]): Buffer {
  return element(0x31, Buffer.concat(parts));
}

function oid(bytes: readonly number[]): Buffer {
  return element(0x06, Buffer.from(bytes));
}

function utf8(text: string): Buffer {
  return element(0x0c, Buffer.from(text));
}

/** GeneralizedTime, whatever the year. */
function time(date: Date): Buffer {
  return element(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\..*/g, "")}Z`));
}

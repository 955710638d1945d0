// Certificates that tests make for themselves: ECDSA on P-256 or RSA, self-signed, in DER by hand (X.509, RFC 5280 §4.1).
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface SelfSigned {
  /** PEM. */
  readonly key: Buffer;
  readonly cert: Buffer;
  /** SHA-256 of the certificate in DER, hex. */
  readonly fingerprint: string;
}

export interface SelfSignedOptions {
  readonly name?: string;
  readonly notAfter?: Date;
  /** Default: ECDSA on P-256. */
  readonly rsa?: boolean;
}

/** For `localhost` and 127.0.0.1. */
export function makeSelfSigned({
  name = "camgate.test",
  notAfter = new Date("2120-01-01T00:00:00Z"),
  rsa = false,
}: SelfSignedOptions = {}): SelfSigned {
  const { privateKey, publicKey } = rsa
    ? generateKeyPairSync("rsa", { modulusLength: 2048 })
    : generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = rsa ? sequence(oid(SHA256_WITH_RSA), element(0x05, Buffer.alloc(0))) : sequence(oid(ECDSA_WITH_SHA256));
  const subject = sequence(set(sequence(oid(COMMON_NAME), utf8(name))));
  const names = sequence(element(0x82, Buffer.from("localhost")), element(0x87, Buffer.from([127, 0, 0, 1])));
  const body = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))), // version 3
    element(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    subject,
    sequence(time(new Date("2020-01-01T00:00:00Z")), time(notAfter)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    element(0xa3, sequence(sequence(oid(SUBJECT_ALT_NAME), element(0x04, names)))),
  );
  const signature = sign("sha256", body, privateKey);
  const der = sequence(body, algorithm, element(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g)!;
  return {
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

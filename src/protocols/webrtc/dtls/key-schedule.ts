// Keys of a DTLS 1.2 connection with a SHA-256 cipher suite: PRF (RFC 5246 §5), extended master secret (RFC 7627 §4), exporter (RFC 5705 §4).
import { createHash, createHmac, createSecretKey } from "node:crypto";

const MASTER_SECRET_BYTES = 48;
/** AES-128-GCM (RFC 5288 §3): write keys, and the implicit part of the nonces. */
const KEY_BYTES = 16;
const SALT_BYTES = 4;
const VERIFY_BYTES = 12;

export interface Randoms {
  readonly client: Buffer;
  readonly server: Buffer;
}

export interface WriteKeys {
  readonly clientKey: Buffer;
  readonly serverKey: Buffer;
  readonly clientSalt: Buffer;
  readonly serverSalt: Buffer;
}

/** P_SHA256 over label and seed. */
export function prf(secret: Buffer, label: string, seed: Buffer, sizeBytes: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label), seed]);
  const key = createSecretKey(secret); // as bytes it costs Node 24 seven times as much
  const blocks: Buffer[] = [];
  let a = labelled;
  for (let size = 0; size < sizeBytes; size += 32) {
    a = createHmac("sha256", key).update(a).digest();
    blocks.push(createHmac("sha256", key).update(a).update(labelled).digest());
  }
  return Buffer.concat(blocks).subarray(0, sizeBytes);
}

/** `transcript`: every handshake message up to and with ClientKeyExchange. */
export function extendedMasterSecret(preMasterSecret: Buffer, transcript: Buffer): Buffer {
  return prf(preMasterSecret, "extended master secret", sha256(transcript), MASTER_SECRET_BYTES);
}

export function masterSecretOf(preMasterSecret: Buffer, { client, server }: Randoms): Buffer {
  return prf(preMasterSecret, "master secret", Buffer.concat([client, server]), MASTER_SECRET_BYTES);
}

/** RFC 5246 §6.3 */
export function writeKeysOf(masterSecret: Buffer, { client, server }: Randoms): WriteKeys {
  const block = prf(masterSecret, "key expansion", Buffer.concat([server, client]), 2 * (KEY_BYTES + SALT_BYTES));
  const salts = 2 * KEY_BYTES;
  return {
    clientKey: block.subarray(0, KEY_BYTES),
    serverKey: block.subarray(KEY_BYTES, salts),
    clientSalt: block.subarray(salts, salts + SALT_BYTES),
    serverSalt: block.subarray(salts + SALT_BYTES),
  };
}

/** RFC 5246 §7.4.9; `transcript`: every handshake message before this Finished. */
export function finishedData(masterSecret: Buffer, sender: "client" | "server", transcript: Buffer): Buffer {
  return prf(masterSecret, `${sender} finished`, sha256(transcript), VERIFY_BYTES);
}

/** RFC 5764 §4.2: the SRTP keys of both sides. */
export function exportSrtpKeys(masterSecret: Buffer, { client, server }: Randoms, keyBytes: number, saltBytes: number) {
  const block = prf(masterSecret, "EXTRACTOR-dtls_srtp", Buffer.concat([client, server]), 2 * (keyBytes + saltBytes));
  const salts = 2 * keyBytes;
  return {
    client: { masterKey: block.subarray(0, keyBytes), masterSalt: block.subarray(salts, salts + saltBytes) },
    server: { masterKey: block.subarray(keyBytes, salts), masterSalt: block.subarray(salts + saltBytes) },
  };
}

function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}

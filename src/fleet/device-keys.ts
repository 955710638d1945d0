// The gateway's own keys: one names it, one opens what is sealed to it. Made where there are none, readable by their owner alone.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";

export interface DeviceKeys {
  /** Ed25519; private. */
  readonly identity: KeyObject;
  /** X25519; private. */
  readonly sealing: KeyObject;
}

const MAX_FILE_BYTES = 4096;

/** PKCS #8 in PEM, `identity.key` and `sealing.key`. Rejects with words where one is there and cannot be read, or cannot be kept: another one would be another gateway. */
export async function openDeviceKeys(fs: FsPort, directory: string): Promise<DeviceKeys> {
  return {
    identity: await openKey(fs, join(directory, "identity.key"), "ed25519"),
    sealing: await openKey(fs, join(directory, "sealing.key"), "x25519"),
  };
}

/** In base64url, as in a JWK (RFC 8037 §2). */
export function publicText(key: KeyObject): string {
  return createPublicKey(key).export({ format: "jwk" }).x!;
}

async function openKey(fs: FsPort, path: string, kind: "ed25519" | "x25519"): Promise<KeyObject> {
  try {
    const kept = await readSmallFile(fs, path, MAX_FILE_BYTES);
    if (kept !== undefined) return parse(kept, kind);
    const { privateKey } = kind === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("x25519");
    await replaceFile(fs, path, Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })));
    return privateKey;
  } catch (error) {
    throw new Error(`the gateway's key ${path}: ${errorText(error)}`);
  }
}

function parse(pem: Buffer, kind: string): KeyObject {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== kind) throw new Error(`has to be a ${kind} key`);
  return key;
}

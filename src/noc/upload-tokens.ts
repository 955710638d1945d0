// Leave to upload one file, as a text for the Authorization header: who holds the receiver's key makes it, and the receiver needs to remember none.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import { uploadNameFault } from "./upload-name.ts";

const KEY_BYTES = 32;
const MAX_TOKEN_LENGTH = 1024;

/** Of a folder: made where there is none. */
export async function openUploadKey(fs: FsPort, folder: string): Promise<Buffer> {
  const path = join(folder, "receive.key");
  const kept = await readSmallFile(fs, path, KEY_BYTES);
  if (kept?.length === KEY_BYTES) return kept;
  if (kept !== undefined) throw new Error(`${path} does not hold ${KEY_BYTES} bytes: remove it, and all tokens with it`);
  const key = randomBytes(KEY_BYTES);
  await replaceFile(fs, path, key);
  return key;
}

/** `untilMs`: UTC. */
export function makeUploadToken(key: Buffer, name: string, untilMs: number): string {
  const claim = Buffer.from(JSON.stringify({ n: name, exp: Math.floor(untilMs / 1000) })).toString("base64url");
  return `${claim}.${signatureOf(key, claim)}`;
}

/** The name that may be uploaded; a text: why there is none. Never throws. */
export function readUploadToken(key: Buffer, token: string, nowMs: number): { readonly name: string } | { readonly fault: string } {
  const [, claim, signature] = (token.length > MAX_TOKEN_LENGTH ? null : /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/.exec(token)) ?? [];
  if (claim === undefined || signature === undefined) return { fault: "is no token of this receiver" };
  if (!timingSafeEqual(Buffer.from(signatureOf(key, claim)), Buffer.from(signature)))
    return { fault: "was not made with this receiver's key" };
  const { n, exp } = JSON.parse(Buffer.from(claim, "base64url").toString("utf8")) as { readonly n: string; readonly exp: number };
  if (uploadNameFault(n) !== undefined) return { fault: "names no file" };
  return nowMs > exp * 1000 ? { fault: "has run out" } : { name: n };
}

function signatureOf(key: Buffer, claim: string): string {
  return createHmac("sha256", key).update(`camgate-upload ${claim}`).digest("base64url");
}

// User names and passwords as the config holds them: in clear, `sha256:<base64>`, or `argon2:<encoded>`.
import { createHash, timingSafeEqual } from "node:crypto";
import { type Argon2Hash, parseArgon2 } from "./argon2.ts";

export type StoredCredential =
  /** Nothing was set: whatever is sent will do, as in MediaMTX. */
  | { readonly kind: "empty" }
  /** SHA-256 of the secret. `plain` where the config has it in clear: RTSP Digest needs it. */
  | { readonly kind: "sha256"; readonly digest: Buffer; readonly plain: string | undefined }
  | { readonly kind: "argon2"; readonly stored: string; readonly hash: Argon2Hash }
  /** A hash that cannot be used; nothing matches it. */
  | { readonly kind: "unusable" };

export function parseStoredCredential(text: string): StoredCredential {
  if (text === "") return { kind: "empty" };
  if (text.startsWith("argon2:")) {
    const hash = parseArgon2(text.slice("argon2:".length));
    return hash === undefined ? { kind: "unusable" } : { kind: "argon2", stored: text, hash };
  }
  if (!text.startsWith("sha256:")) return { kind: "sha256", digest: sha256(text), plain: text };
  const digest = Buffer.from(text.slice("sha256:".length), "base64");
  return digest.length === 32 ? { kind: "sha256", digest, plain: undefined } : { kind: "unusable" };
}

/** For all but Argon2, which takes time: see `PasswordChecks`. Takes as long for a near miss as for a far one. */
export function matchesDigest(stored: Exclude<StoredCredential, { kind: "argon2" }>, guess: string): boolean {
  if (stored.kind === "sha256") return timingSafeEqual(stored.digest, sha256(guess));
  return stored.kind === "empty";
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

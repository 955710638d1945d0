// The file of keys that may sign commands: a JWK set (RFC 7517 §5) of one or two Ed25519 public keys (RFC 8037 §2); two, so that one can follow the other.
import { createPublicKey, type KeyObject } from "node:crypto";
import type { SigningKeys } from "./jws.ts";
import { parseStrictJson } from "./strict-json.ts";

/** One that signs, and the one that will. */
export const MAX_SIGNING_KEYS = 2;

export type KeyFile = { readonly keys: SigningKeys } | { readonly fault: string };

/** The fault is a text that completes "the key file …". */
export function parseKeyFile(text: string): KeyFile {
  const parsed = parseStrictJson(text);
  if ("fault" in parsed) return { fault: `cannot be read: ${parsed.fault}` };
  const list = (parsed.value as { readonly keys?: unknown } | null)?.keys;
  if (!Array.isArray(list)) return { fault: 'has to be a JWK set: {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": …, "x": …}]}' };
  if (list.length === 0 || list.length > MAX_SIGNING_KEYS) return { fault: `has to hold one or ${MAX_SIGNING_KEYS} keys` };
  const keys = new Map<string, KeyObject>();
  for (const [index, jwk] of list.entries()) {
    const { kty, crv, kid, x, d } = (jwk ?? {}) as Readonly<Record<string, unknown>>;
    const name = `keys[${index}]`;
    if (kty !== "OKP" || crv !== "Ed25519" || typeof x !== "string") return { fault: `has no Ed25519 public key in ${name}` };
    if (d !== undefined) return { fault: `holds a private key in ${name}: it belongs to whoever signs, and nowhere else` };
    if (typeof kid !== "string" || !/^[A-Za-z0-9_.-]{1,64}$/.test(kid))
      return { fault: `lacks a kid in ${name}: up to 64 letters, digits, _ . -` };
    if (keys.has(kid)) return { fault: `has the kid ${kid} twice` };
    try {
      keys.set(kid, createPublicKey({ key: { kty, crv, x }, format: "jwk" }));
    } catch {
      return { fault: `has no Ed25519 public key in ${name}` };
    }
  }
  return { keys };
}

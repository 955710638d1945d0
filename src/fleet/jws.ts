// Signed messages: JWS compact serialization (RFC 7515 §3.1) with Ed25519 (RFC 8037 §3.1), and nothing else that a JWS can be.
import { type KeyObject, sign, verify } from "node:crypto";
import { parseStrictJson } from "./strict-json.ts";

/** Keys by their `kid`. */
export type SigningKeys = ReadonlyMap<string, KeyObject>;

export type JwsVerdict = { readonly kid: string; readonly payload: string } | { readonly fault: string };

/** Base64url without padding that has one spelling only. */
function decoded(part: string): Buffer | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return undefined;
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes : undefined;
}

/**
 * The payload of a message that one of these keys has signed. The header has to be exactly `alg: EdDSA` and `kid`: a key or an algorithm that
 * comes with the message counts for nothing.
 */
export function verifyJws(compact: string, keys: SigningKeys): JwsVerdict {
  const parts = compact.split(".");
  if (parts.length !== 3) return { fault: "it is no JWS in compact form" };
  const [header, payload, signature] = parts.map(decoded);
  if (header === undefined || payload === undefined || signature === undefined) return { fault: "it is no base64url" };
  const parsed = parseStrictJson(header.toString("utf8"));
  if ("fault" in parsed) return { fault: `header: ${parsed.fault}` };
  const fields = parsed.value as { readonly alg?: unknown; readonly kid?: unknown } | null;
  const isExact = typeof fields === "object" && fields !== null && Object.keys(fields).sort().join() === "alg,kid";
  if (!isExact || fields.alg !== "EdDSA" || typeof fields.kid !== "string")
    return { fault: "the header has to be alg EdDSA and kid, alone" };
  const key = keys.get(fields.kid);
  if (key === undefined) return { fault: "no key of that kid may sign" };
  const signed = Buffer.from(compact.slice(0, compact.lastIndexOf(".")));
  if (!verify(null, signed, key, signature)) return { fault: "the signature does not fit" };
  return { kid: fields.kid, payload: payload.toString("utf8") };
}

/** The NOC's side of it. */
export function signJws(payload: string, kid: string, privateKey: KeyObject): string {
  const header = JSON.stringify({ alg: "EdDSA", kid });
  const signed = `${Buffer.from(header).toString("base64url")}.${Buffer.from(payload).toString("base64url")}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
}

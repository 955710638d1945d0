// Credentials of an HTTP request: Basic (RFC 7617), a bearer token (RFC 6750), or `Bearer user:pass` as MediaMTX's clients send it.

/** Fits the access question of the relay. */
export type HttpCredentials =
  | { readonly kind: "none" }
  | { readonly kind: "basic"; readonly user: string; readonly pass: string }
  | { readonly kind: "token"; readonly token: string };

const NONE: HttpCredentials = { kind: "none" };

/** Of an Authorization header; `none` for what cannot be understood. */
export function httpCredentials(authorization: string | undefined): HttpCredentials {
  const match = /^\s*(bearer|basic)\s+(\S.*?)\s*$/i.exec(authorization ?? "");
  if (match === null) return NONE;
  const value = match[2]!;
  if (match[1]!.toLowerCase() === "bearer") {
    const parts = value.split(":");
    return parts.length === 2 ? { kind: "basic", user: parts[0]!, pass: parts[1]! } : { kind: "token", token: value };
  }
  const text = Buffer.from(value, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? NONE : { kind: "basic", user: text.slice(0, colon), pass: text.slice(colon + 1) };
}

// STUN and TURN servers for clients, as WHIP and WHEP offer them: Link headers (RFC 9725 §4.6), with credentials that expire where a secret is shared.
import { createHmac, randomBytes } from "node:crypto";

export interface IceServer {
  /** `stun:`, `turn:` or `turns:`, host and port. */
  readonly url: string;
  /** `AUTH_SECRET`: the password is a secret that the TURN server knows, too. */
  readonly username: string;
  readonly password: string;
}

const LIFETIME_S = 24 * 60 * 60;

/** A header for each server. */
export function iceServerLinks(servers: readonly IceServer[], nowMs: number): readonly string[] {
  return servers.map(({ url, username, password }) => {
    const link = `<${url.replace(/[<>\s]/g, "")}>; rel="ice-server"`;
    if (username === "" && password === "") return link;
    const credentials = username === "AUTH_SECRET" ? timeLimited(password, nowMs) : { username, password };
    return `${link}; username="${quoted(credentials.username)}"; credential="${quoted(credentials.password)}"; credential-type="password"`;
  });
}

/** The way of coturn and others (draft-uberti-behave-turn-rest-00 §2.2). */
function timeLimited(secret: string, nowMs: number): { readonly username: string; readonly password: string } {
  const username = `${Math.floor(nowMs / 1000) + LIFETIME_S}:${randomBytes(8).toString("hex")}`;
  return { username, password: createHmac("sha1", secret).update(username).digest("base64") };
}

/** RFC 9110 §5.6.4. */
function quoted(text: string): string {
  return text.replace(/[^\t\x20-\x7e]/g, "").replace(/["\\]/g, "\\$&");
}

// Logins of pages: credentials that were checked once, kept in memory behind a cookie (RFC 6265bis), so that no page has to keep a password.
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { HttpCredentials } from "./credentials.ts";

export interface WebSessionsOptions {
  /** Monotonic. */
  nowMs(): number;
}

interface WebSession {
  readonly credentials: HttpCredentials;
  /** Monotonic ms of the last request. */
  usedMs: number;
}

const COOKIE = "camgate-session";
const SECRET_BYTES = 24;
/** A session that nobody uses ends. */
const IDLE_MS = 12 * 3_600_000;
const MAX_SESSIONS = 1000;
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

export class WebSessions {
  readonly #nowMs: () => number;
  /** By secret, the one that was used least lately first. */
  readonly #sessions = new Map<string, WebSession>();

  constructor({ nowMs }: WebSessionsOptions) {
    this.#nowMs = nowMs;
  }

  /** Begins one; returns the value of its Set-Cookie header. */
  open(credentials: HttpCredentials, isSecure: boolean): string {
    const secret = randomBytes(SECRET_BYTES).toString("base64url");
    this.#sessions.set(secret, { credentials, usedMs: this.#nowMs() });
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= MAX_SESSIONS) break;
      this.#sessions.delete(oldest);
    }
    return cookieText(secret, isSecure, "");
  }

  /** Ends the request's session; returns the Set-Cookie header that has the browser forget it. */
  close(request: IncomingMessage, isSecure: boolean): string {
    this.#sessions.delete(secretOf(request) ?? "");
    return cookieText("", isSecure, "; Max-Age=0");
  }

  /** Of a request of our own pages; undefined: it has no session, or another page made it. */
  credentialsOf(request: IncomingMessage): HttpCredentials | undefined {
    const secret = secretOf(request);
    if (secret === undefined || !(SAFE_METHODS.has(request.method ?? "") || isOwn(request))) return undefined;
    const session = this.#sessions.get(secret);
    if (session === undefined) return undefined;
    this.#sessions.delete(secret);
    const nowMs = this.#nowMs();
    if (nowMs - session.usedMs > IDLE_MS) return undefined;
    session.usedMs = nowMs;
    this.#sessions.set(secret, session);
    return session.credentials;
  }
}

function cookieText(value: string, isSecure: boolean, more: string): string {
  return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}${more}`;
}

function secretOf({ headers }: IncomingMessage): string | undefined {
  for (const pair of (headers.cookie ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === COOKIE && value !== undefined && value !== "") return value;
  }
  return undefined;
}

/** SameSite lets pages of other ports of this host through: what changes something has to come from this very origin. */
function isOwn({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  if (headers["sec-fetch-site"] !== undefined) return headers["sec-fetch-site"] === "same-origin";
  if (origin === undefined || host === undefined) return false;
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}

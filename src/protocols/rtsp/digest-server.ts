// Challenges the clients of our RTSP server and reads their credentials: RFC 7616 §3.3, RFC 7617, with what NVRs and players make of them.
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Credentials, Secret } from "#relay/access.ts";
import { digestAlgorithm, digestResponse, parseAuthorization, unescaped } from "./digest.ts";
import type { RtspRequest } from "./message.ts";
import { pathAndQuery } from "./request-path.ts";
import { percentDecoded } from "./url.ts";

export interface DigestServerOptions {
  readonly methods: readonly ("basic" | "digest")[];
  readonly realm?: string;
  /** For tests; 16 random bytes in hex otherwise. */
  readonly nonce?: string;
}

const NO_CREDENTIALS: Credentials = { kind: "none" };

/** One per connection: its nonce lives as long as the connection, so there is none to store or to expire. */
export class DigestServer {
  readonly #methods: readonly ("basic" | "digest")[];
  readonly #realm: string;
  readonly #nonce: string;

  constructor(options: DigestServerOptions) {
    this.#methods = options.methods;
    this.#realm = options.realm ?? "ipcam";
    this.#nonce = options.nonce ?? randomBytes(16).toString("hex");
  }

  /**
   * The `WWW-Authenticate` values for a 401 to this request. MD5 comes last and without `algorithm`: ffmpeg and live555 take the last Digest
   * they see, and know no other. `stale=true` tells a client that has used the nonce of an earlier connection that its password was not refused.
   */
  challenges(request: RtspRequest): readonly string[] {
    const values: string[] = [];
    if (this.#methods.includes("basic")) values.push(`Basic realm="${this.#realm}"`);
    if (this.#methods.includes("digest")) {
      const digest = `Digest realm="${this.#realm}", nonce="${this.#nonce}"${this.#usesForeignNonce(request) ? ", stale=true" : ""}`;
      values.push(`${digest}, algorithm=SHA-256`, digest);
    }
    return values;
  }

  /**
   * What a request carries; `none` for nothing, for a method that is not offered, and for a digest with a nonce that is not ours (from an earlier
   * connection: the client deserves a challenge, not the answer to a wrong password). The `verify` of a digest is false for a wrong realm, `uri`,
   * algorithm or response; it compares in constant time.
   */
  credentials(request: RtspRequest): Credentials {
    const fields = authorizationOf(request);
    if (fields === undefined) return NO_CREDENTIALS;
    if (fields.scheme === "bearer" && fields.token !== undefined) return { kind: "token", token: fields.token };
    if (fields.scheme === "basic" && this.#methods.includes("basic")) return parseBasic(fields.token ?? "");
    if (fields.scheme !== "digest" || !this.#methods.includes("digest") || fields.params.get("nonce") !== this.#nonce)
      return NO_CREDENTIALS;
    return {
      kind: "digest",
      user: unescaped(fields.params.get("username") ?? ""),
      verify: (user, secret) => this.#verify(request, fields.params, user, secret),
    };
  }

  #usesForeignNonce(request: RtspRequest): boolean {
    const fields = authorizationOf(request);
    return fields?.scheme === "digest" && fields.params.get("nonce") !== this.#nonce;
  }

  #verify(request: RtspRequest, params: ReadonlyMap<string, string>, user: string, secret: Secret): boolean {
    const algorithm = digestAlgorithm(params.get("algorithm"));
    const uri = params.get("uri") ?? "";
    const qop = params.get("qop")?.toLowerCase();
    if (algorithm === undefined || params.get("realm") !== this.#realm || unescaped(params.get("username") ?? "") !== user) return false;
    if (qop !== undefined && qop !== "auth" && qop !== "auth-int") return false;
    if (!isDigestUriOf(request, uri)) return false;
    const expected = digestResponse({
      algorithm,
      user,
      pass: secret.plain,
      realm: this.#realm,
      nonce: this.#nonce,
      method: request.method,
      uri,
      qop,
      nc: params.get("nc") ?? "",
      cnonce: params.get("cnonce") ?? "",
      body: request.body,
    });
    return equalInConstantTime(expected, (params.get("response") ?? "").toLowerCase());
  }
}

function authorizationOf(request: RtspRequest) {
  const value = request.headers.get("Authorization");
  return value === undefined ? undefined : parseAuthorization(value);
}

/** RFC 7617 §2.1: UTF-8, with Latin-1 for clients that know no better; the user ends at the first colon. */
function parseBasic(base64: string): Credentials {
  const bytes = Buffer.from(base64, "base64");
  const utf8 = bytes.toString("utf8");
  const text = utf8.includes("\ufffd") ? bytes.toString("latin1") : utf8;
  const colon = text.indexOf(":");
  return colon === -1 ? NO_CREDENTIALS : { kind: "basic", user: text.slice(0, colon), pass: text.slice(colon + 1) };
}

/**
 * Whether a digest's `uri` is that of the request. Equal, and also:
 * - without scheme and host, as RFC 2617 §3.2.2.5 allows (Bosch BVMS), or with another host (a client behind NAT);
 * - with or without the slash at the end (GStreamer, VLC);
 * - percent-encoded or not, where the start line is the other;
 * - in a SETUP, the URL of the stream instead of the track's (VLC with a slash, HappyTime without).
 */
export function isDigestUriOf(request: RtspRequest, uri: string): boolean {
  if (uri === request.url) return true;
  const wanted = comparable(request.url);
  const given = comparable(uri);
  if (wanted === undefined || given === undefined) return false;
  if (wanted === given) return true;
  return request.method === "SETUP" && wanted.startsWith(`${given}/`) && !/[/?]/.test(wanted.slice(given.length + 1));
}

function comparable(url: string): string | undefined {
  const raw = pathAndQuery(url);
  return raw === undefined ? undefined : (percentDecoded(raw) ?? raw).replace(/\/$/, "");
}

/** Lengths are not secret: both are hex digests. */
function equalInConstantTime(expected: string, given: string): boolean {
  const a = Buffer.from(expected, "utf8");
  const b = Buffer.from(given, "utf8");
  return a.length === b.length && timingSafeEqual(a, b);
}

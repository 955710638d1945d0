// Challenges and digests of RTSP authentication: RFC 7235 §2.1, RFC 2617, RFC 7616, RFC 2069. Used by client and server alike.
import { createHash } from "node:crypto";

/** One challenge, or the credentials of an Authorization header, which have the same form. */
export interface AuthFields {
  /** Lower case: `basic`, `digest`, `bearer`, or one we do not know. */
  readonly scheme: string;
  /** What follows a scheme without `name=`: the base64 of Basic. */
  readonly token: string | undefined;
  /** By lower-case name; of quoted values what stands between the quotes, backslashes included, because that is what a digest covers. */
  readonly params: ReadonlyMap<string, string>;
}

const MAX_CHALLENGES = 16;
const MAX_PARAMS = 32;

/**
 * Reads the values of all `WWW-Authenticate` fields: one or several challenges in each, unknown schemes, missing commas, and a quote that is
 * never closed are taken as well as can be.
 */
export function parseChallenges(values: readonly string[]): readonly AuthFields[] {
  const challenges: { scheme: string; token: string | undefined; params: Map<string, string> }[] = [];
  for (const value of values) {
    let current: (typeof challenges)[number] | undefined;
    let wordEnd = 0;
    // A word, and `=` with a quoted or a bare value behind it, or the padding of a token, or nothing.
    for (const match of value.matchAll(/([^\s,="]+)(?:\s*=(?!=*\s*(?:,|$))\s*(?:"((?:[^"\\]|\\.)*)(?:"|$)|([^\s,]*)))?(=*)/g)) {
      const [all, word, quoted, bare, padding] = match;
      const text = quoted ?? bare;
      const isToken = current !== undefined && takesToken(current) && !value.slice(wordEnd, match.index).includes(",");
      wordEnd = match.index + all.length;
      if (isToken && text === undefined) current!.token = word! + padding!;
      else if (current !== undefined && (text !== undefined || padding !== "")) {
        if (current.params.size < MAX_PARAMS) current.params.set(word!.toLowerCase(), text ?? "");
      } else if (text === undefined) {
        if (challenges.length === MAX_CHALLENGES) return challenges;
        current = { scheme: word!.toLowerCase(), token: undefined, params: new Map() };
        challenges.push(current);
      }
    }
  }
  return challenges;
}

/** The value of an `Authorization` field. */
export function parseAuthorization(value: string): AuthFields | undefined {
  return parseChallenges([value])[0];
}

/** Whether one token may follow the scheme (RFC 7235 §2.1 token68). */
function takesToken({ scheme, token, params }: AuthFields): boolean {
  const known = scheme === "basic" || scheme === "bearer" || scheme === "negotiate" || scheme === "ntlm";
  return known && token === undefined && params.size === 0;
}

export interface DigestAlgorithm {
  /** Name for node:crypto. */
  readonly hash: "md5" | "sha256" | "sha512-256";
  /** `-sess`: the first hash covers nonce and cnonce too (RFC 7616 §3.4.2). */
  readonly session: boolean;
  /** Higher is stronger. */
  readonly strength: number;
}

const HASHES: ReadonlyMap<string, Pick<DigestAlgorithm, "hash" | "strength">> = new Map([
  ["MD5", { hash: "md5", strength: 1 }],
  ["SHA-256", { hash: "sha256", strength: 2 }],
  ["SHA-512-256", { hash: "sha512-256", strength: 3 }],
]);

/** The algorithm that a challenge names, in any case; MD5 when it names none (RFC 2617 §3.2.1); undefined for one that we do not know. */
export function digestAlgorithm(name: string | undefined): DigestAlgorithm | undefined {
  const upper = (name ?? "MD5").toUpperCase();
  const session = upper.endsWith("-SESS");
  const known = HASHES.get(session ? upper.slice(0, -"-SESS".length) : upper);
  return known && { ...known, session };
}

export interface DigestInput {
  readonly algorithm: DigestAlgorithm;
  readonly user: string;
  readonly pass: string;
  readonly realm: string;
  readonly nonce: string;
  readonly method: string;
  /** As it stands in the `uri` parameter. */
  readonly uri: string;
  /** undefined: the form of RFC 2069, without nc and cnonce. */
  readonly qop: "auth" | "auth-int" | undefined;
  /** Eight hex digits. */
  readonly nc: string;
  readonly cnonce: string;
  /** Covered by `auth-int` only. */
  readonly body: Buffer;
}

/** The `response` parameter, lower-case hex (RFC 7616 §3.4.1, RFC 2069 §2.1.1). */
export function digestResponse(input: DigestInput): string {
  const { algorithm, nonce, cnonce, qop } = input;
  const hash = (data: string | Buffer): string => createHash(algorithm.hash).update(data).digest("hex");
  const userHash = hash(`${input.user}:${input.realm}:${input.pass}`);
  const secret = algorithm.session ? hash(`${userHash}:${nonce}:${cnonce}`) : userHash;
  const request = hash(qop === "auth-int" ? `${input.method}:${input.uri}:${hash(input.body)}` : `${input.method}:${input.uri}`);
  return hash(qop === undefined ? `${secret}:${nonce}:${request}` : `${secret}:${nonce}:${input.nc}:${cnonce}:${qop}:${request}`);
}

/** What a quoted string holds, without its escapes (RFC 7230 §3.2.6). */
export function unescaped(quoted: string): string {
  return quoted.replace(/\\(.)/gs, "$1");
}

/** The inverse of `unescaped`. */
export function escaped(text: string): string {
  return text.replace(/["\\]/g, "\\$&");
}

// Answers the challenges of one RTSP server: RFC 7616 §3.3, §3.4, RFC 7617.
import { randomBytes } from "node:crypto";
import { type AuthFields, type DigestAlgorithm, digestAlgorithm, digestResponse, escaped, parseChallenges } from "./digest.ts";
import { NO_BODY } from "./message.ts";

/**
 * What a 401 means.
 * `retry`: send the request again with `authorize`, on the same connection.
 * `stale`: the same; the credentials were not refused, only the nonce has gone old.
 * `refused`: these credentials were sent, freshly computed, and are wrong.
 * `downgrade`: the server, seen with Digest before, now wants the password itself (Basic).
 * `unsupported`: nothing is offered that we know.
 */
export type ChallengeOutcome = "retry" | "stale" | "refused" | "downgrade" | "unsupported";

export interface DigestClientOptions {
  readonly user: string;
  readonly pass: string;
  /** Send the password to a server that earlier asked for a digest. Basic alone is always answered. */
  readonly allowBasic?: boolean;
  /** What `digestSeen` said when the last connection to this server ended. */
  readonly digestSeen?: boolean;
  /** For tests; 16 random bytes in hex otherwise. */
  readonly makeCnonce?: () => string;
}

type Chosen =
  | { readonly kind: "basic" }
  | {
      readonly kind: "digest";
      readonly challenge: AuthFields;
      readonly algorithm: DigestAlgorithm;
      readonly qop: "auth" | "auth-int" | undefined;
    };

/** Keeps the challenge of one server and counts the uses of its nonce. One per connection; `digestSeen` goes on to the next. */
export class DigestClient {
  readonly #options: DigestClientOptions;
  #chosen: Chosen | undefined;
  #uses = 0;
  #sessionCnonce: string | undefined;
  #digestSeen: boolean;

  constructor(options: DigestClientOptions) {
    this.#options = options;
    this.#digestSeen = options.digestSeen ?? false;
  }

  /** This server has offered Digest at least once. */
  get digestSeen(): boolean {
    return this.#digestSeen;
  }

  /** Takes all `WWW-Authenticate` values of a 401 and chooses the strongest: SHA-512-256, SHA-256, MD5, then Basic. */
  accept(values: readonly string[]): ChallengeOutcome {
    const challenges = parseChallenges(values);
    const strongest = strongestDigest(challenges);
    const before = this.#chosen;
    const uses = this.#uses;
    this.#chosen = undefined;
    if (strongest === undefined) {
      if (!challenges.some(({ scheme }) => scheme === "basic")) return "unsupported";
      if (this.#digestSeen && this.#options.allowBasic !== true) return "downgrade";
      if (before?.kind === "basic" && uses > 0) return "refused";
      this.#choose({ kind: "basic" });
      return "retry";
    }
    this.#digestSeen = true;
    const stale = strongest.challenge.params.get("stale")?.toLowerCase() === "true";
    this.#choose(strongest);
    if (before?.kind !== "digest" || uses === 0) return "retry";
    // A nonce that worked before and is now replaced has gone old, flag or not (Axis M5525 after 150 s); refused at its first use, or kept: wrong.
    const sameNonce = before.challenge.params.get("nonce") === strongest.challenge.params.get("nonce");
    if (stale && !sameNonce) return "stale";
    return uses > 1 && !sameNonce ? "stale" : "refused";
  }

  /**
   * The `Authorization` value for a request; undefined before a challenge was accepted. `uri` is the URL of the start line, byte for byte.
   * Every call counts as one use of the nonce.
   */
  authorize(method: string, uri: string, body: Buffer = NO_BODY): string | undefined {
    const chosen = this.#chosen;
    if (chosen === undefined) return undefined;
    this.#uses++;
    const { user, pass } = this.#options;
    if (chosen.kind === "basic") return `Basic ${Buffer.from(`${user}:${pass}`, "utf8").toString("base64")}`;
    const { challenge, algorithm, qop } = chosen;
    const realm = challenge.params.get("realm") ?? "";
    const nonce = challenge.params.get("nonce") ?? "";
    const nc = this.#uses.toString(16).padStart(8, "0");
    const cnonce = this.#cnonce(algorithm);
    const response = digestResponse({ algorithm, user, pass, realm, nonce, method, uri, qop, nc, cnonce, body });
    const fields = [`username="${escaped(user)}"`, `realm="${realm}"`, `nonce="${nonce}"`, `uri="${uri}"`, `response="${response}"`];
    const opaque = challenge.params.get("opaque");
    const name = challenge.params.get("algorithm");
    if (opaque !== undefined) fields.push(`opaque="${opaque}"`);
    if (name !== undefined) fields.push(`algorithm=${name}`);
    if (qop !== undefined) fields.push(`qop=${qop}`, `nc=${nc}`);
    if (qop !== undefined || algorithm.session) fields.push(`cnonce="${cnonce}"`);
    return `Digest ${fields.join(", ")}`;
  }

  #choose(chosen: Chosen): void {
    this.#chosen = chosen;
    this.#uses = 0;
    this.#sessionCnonce = undefined;
  }

  /** Fresh each time; with `-sess` fresh for each nonce: servers differ in whether the first or the current one goes into the session hash. */
  #cnonce(algorithm: DigestAlgorithm): string {
    const make = this.#options.makeCnonce ?? randomCnonce;
    if (!algorithm.session) return make();
    this.#sessionCnonce ??= make();
    return this.#sessionCnonce;
  }
}

function randomCnonce(): string {
  return randomBytes(16).toString("hex");
}

/** Of equally strong ones the first; those without a nonce, with an unknown algorithm or an unknown qop are left out. */
function strongestDigest(challenges: readonly AuthFields[]): (Chosen & { kind: "digest" }) | undefined {
  let best: (Chosen & { kind: "digest" }) | undefined;
  for (const challenge of challenges) {
    if (challenge.scheme !== "digest" || challenge.params.get("nonce") === undefined) continue;
    const algorithm = digestAlgorithm(challenge.params.get("algorithm"));
    const qop = chooseQop(challenge.params.get("qop"));
    if (algorithm === undefined || qop === "unknown") continue;
    if (best === undefined || algorithm.strength > best.algorithm.strength) best = { kind: "digest", challenge, algorithm, qop };
  }
  return best;
}

/** `auth` where it is offered; undefined when none is (RFC 2069). */
function chooseQop(offered: string | undefined): "auth" | "auth-int" | "unknown" | undefined {
  const names = (offered ?? "")
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((name) => name !== "");
  if (names.length === 0) return undefined;
  if (names.includes("auth")) return "auth";
  return names.includes("auth-int") ? "auth-int" : "unknown";
}

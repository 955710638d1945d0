// Authentication by signed tokens (`authMethod: jwt`): RFC 7519, signatures of RFC 7515, with permissions in a claim.
import { type AuthMethod, type AuthRequest, accessText, type GrantProof, quotedName, type Verdict } from "./access-question.ts";
import type { KeySet } from "./key-set.ts";
import { tokenOf } from "./login.ts";
import { type CompileExpression, Permissions, parsePermissionClaim } from "./permissions.ts";
import type { TokenClaims, TokenKeys } from "./token-signature.ts";

export interface JwtMethodOptions {
  readonly keys: KeySet;
  /** Where the keys come from: grants of tokens hold as long as it stays the same. */
  readonly keySource: string;
  readonly claimKey: string;
  /** Empty: any. */
  readonly issuer: string;
  /** Empty: any. */
  readonly audience: string;
  /** What is open without a token. */
  readonly exclude: Permissions;
  readonly compile: CompileExpression;
  /** Milliseconds since 1970. */
  readonly utcMs: () => number;
}

/** Longer ones fit no header. */
const MAX_TOKEN_LENGTH = 16_384;

export class JwtMethod implements AuthMethod {
  readonly #options: JwtMethodOptions;
  readonly #key: string;

  constructor(options: JwtMethodOptions) {
    this.#options = options;
    const { keySource, claimKey, issuer, audience } = options;
    this.#key = JSON.stringify(["jwt", keySource, claimKey, issuer, audience]);
  }

  isOpen(request: Pick<AuthRequest, "action" | "path">): boolean {
    return this.#options.exclude.allow(request);
  }

  lacksCredentials(request: AuthRequest): boolean {
    return tokenOf(request) === "";
  }

  async judge(request: AuthRequest): Promise<Verdict> {
    const token = tokenOf(request);
    if (token === "") return refused("a token is needed");
    if (token.length > MAX_TOKEN_LENGTH) return refused(`the token is longer than ${MAX_TOKEN_LENGTH} characters`);
    const { keys, claimKey, compile } = this.#options;
    const known = await keys.keys();
    if (known === undefined) return refused("there are no keys to verify tokens with");
    let claims: TokenClaims | "unknown-key";
    try {
      claims = await this.#verify(token, known);
    } catch (error) {
      return refused(`the token is not accepted: ${(error as Error).message}`);
    }
    if (claims === "unknown-key") return refused("the token is not signed by a key of the key set");
    if (!Object.hasOwn(claims, claimKey)) return refused(`the token has no claim '${claimKey}'`);
    const rules = parsePermissionClaim(claims[claimKey]);
    if (rules === undefined) return refused(`the claim '${claimKey}' of the token is no list of permissions`);
    const user = typeof claims.sub === "string" ? claims.sub : "";
    if (!new Permissions(rules, compile).allow(request))
      return refused(`the token of ${quotedName(user)} does not allow: ${accessText(request)}`);
    return { kind: "granted", user, proof: { kind: "service", key: this.#key } };
  }

  honours(proof: GrantProof, request: Pick<AuthRequest, "action" | "path">): boolean {
    return this.isOpen(request) || (proof.kind === "service" && proof.key === this.#key);
  }

  /** Once more with new keys when the token names one that we do not have. */
  async #verify(token: string, keys: TokenKeys): Promise<TokenClaims | "unknown-key"> {
    const { issuer, audience, utcMs } = this.#options;
    const { verifyToken } = await import("./token-signature.ts");
    const demands = { issuer, audience, nowUtcMs: utcMs() };
    const claims = await verifyToken(token, keys, demands);
    if (claims !== "unknown-key") return claims;
    const newer = await this.#options.keys.newerKeys();
    return newer === undefined ? "unknown-key" : verifyToken(token, newer, demands);
  }
}

/** A token cannot be guessed: what is wrong with one counts towards no ban. */
function refused(reason: string): Verdict {
  return { kind: "refused", reason };
}

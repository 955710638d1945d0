// Signatures and standard claims of tokens (RFC 7515, RFC 7519), and the key sets that verify them (RFC 7517). Loaded when the first token comes.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify, type LocalJWKSet } from "jose";

export type TokenKeys = LocalJWKSet;
export type TokenClaims = JWTPayload;

export interface TokenDemands {
  /** Empty: any. */
  readonly issuer: string;
  /** Empty: any. */
  readonly audience: string;
  readonly nowUtcMs: number;
}

/** Public keys only: in a set that anybody can fetch, a shared secret would be none. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];

/** Of the text of a JWKS; throws when it is none. */
export function readTokenKeys(json: string): TokenKeys {
  return createLocalJWKSet(JSON.parse(json) as JSONWebKeySet);
}

/** The claims; `unknown-key` when the set has none for this token. Throws for every other fault, with a text that does not repeat the token. */
export async function verifyToken(token: string, keys: TokenKeys, demands: TokenDemands): Promise<TokenClaims | "unknown-key"> {
  const { issuer, audience, nowUtcMs } = demands;
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ALGORITHMS,
      currentDate: new Date(nowUtcMs),
      ...(issuer !== "" && { issuer }),
      ...(audience !== "" && { audience }),
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return "unknown-key";
    throw error;
  }
}

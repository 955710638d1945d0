// dn/time: what time it is, signed by the NOC, for gateways that nothing else tells. Pure: what was used before, and what it is worth, others say.
import { type SigningKeys, verifyJws } from "./jws.ts";
import { parseStrictJson } from "./strict-json.ts";

export interface TimeHint {
  readonly kid: string;
  readonly ctr: number;
  /** UTC, ms. */
  readonly utcMs: number;
}

const MAX_BYTES = 4096;

/** `audience`: `tenant/gateway`. The fault completes "a time hint is refused: …". */
export function openTimeHint(payload: Buffer, keys: SigningKeys, audience: string): TimeHint | { readonly fault: string } {
  if (payload.length > MAX_BYTES) return { fault: "it is too large" };
  const verdict = verifyJws(payload.toString("utf8"), keys);
  if ("fault" in verdict) return verdict;
  const parsed = parseStrictJson(verdict.payload);
  if ("fault" in parsed) return parsed;
  const { v, ts, ctr, aud } = (parsed.value ?? {}) as Readonly<Record<string, unknown>>;
  if (v !== 1) return { fault: "v: has to be 1" };
  if (aud !== audience) return { fault: `aud: it is for ${String(aud)}, not for ${audience}` };
  if (!Number.isSafeInteger(ctr) || (ctr as number) < 0) return { fault: "ctr: has to be a whole number" };
  if (!Number.isSafeInteger(ts) || (ts as number) <= 0) return { fault: "ts: has to be a time, in ms since 1970" };
  return { kid: verdict.kid, ctr: ctr as number, utcMs: ts as number };
}

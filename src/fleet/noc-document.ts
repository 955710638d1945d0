// A document that the broker keeps for a gateway, config or job: who may have made it, and for whom.
import type { CommandTrust } from "./command-intake.ts";
import { type SigningKeys, verifyJws } from "./jws.ts";
import { parseStrictJson } from "./strict-json.ts";

/** Empty: there is none. `claim`: what it would say if somebody had signed it who may: to see that it is known already, and for nothing else. */
export type OpenedDocument = { readonly text: string } | { readonly fault: string; readonly claim?: string };

export interface DocumentTrust {
  readonly trust: CommandTrust;
  readonly keys: SigningKeys;
  /** `tenant/gateway`: a signed document has to name it as `aud`. */
  readonly audience: string;
}

const MAX_BYTES = 128 * 1024;

export function openNocDocument(payload: Buffer, { trust, keys, audience }: DocumentTrust): OpenedDocument {
  if (payload.length === 0) return { text: "" };
  if (trust === "off") return { fault: "mqtt.commands is off" };
  if (payload.length > MAX_BYTES) return { fault: `it is larger than ${MAX_BYTES} bytes: name a url` };
  const text = payload.toString("utf8");
  const isSigned = /^[\w-]+\.[\w-]*\.[\w-]*$/.test(text);
  if (!isSigned) return trust === "broker" ? { text } : { fault: "it has to be signed" };
  const verdict = verifyJws(text, keys);
  if ("fault" in verdict) return { fault: verdict.fault, claim: Buffer.from(text.split(".")[1]!, "base64url").toString("utf8") };
  const parsed = parseStrictJson(verdict.payload);
  if ("fault" in parsed) return { fault: parsed.fault };
  const { aud } = (parsed.value ?? {}) as { readonly aud?: unknown };
  return aud === audience ? { text: verdict.payload } : { fault: `aud: it is for ${String(aud)}, not for ${audience}` };
}

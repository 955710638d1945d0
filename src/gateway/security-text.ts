// Where to tell of a vulnerability of this gateway, as its servers show it.
import { supportUntil } from "#base/version.ts";
import type { SecurityText } from "#http/security-text.ts";
import type { GatewayContext } from "./context.ts";

/** RFC 9116 §2.5.5: less than a year ahead. */
const FRESH_MS = 180 * 86_400_000;

/** Undefined: nobody said. */
export function securityTextOf({ config, clock }: Pick<GatewayContext, "config" | "clock">): SecurityText | undefined {
  const { securityContact: contact } = config.global;
  if (contact === "") return undefined;
  const endMs = Date.parse(`${supportUntil}T23:59:59Z`);
  const { utcUs, quality } = clock.utcOf(clock.nowUs());
  return { contact, expiresMs: quality === "none" ? endMs : Math.min(endMs, Math.round(utcUs / 1000) + FRESH_MS) };
}

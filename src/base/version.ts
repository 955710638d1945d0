// The gateway's version and the end of its support: package.json's, put into the bundle when it is built.
import { readFileSync } from "node:fs";

declare const CAMGATE_VERSION: string | undefined;
declare const CAMGATE_SUPPORT_UNTIL: string | undefined;

export const version: string = typeof CAMGATE_VERSION === "string" ? CAMGATE_VERSION : manifest().version;
/** Until when this version gets security updates: a date, the end of that day. */
export const supportUntil: string = typeof CAMGATE_SUPPORT_UNTIL === "string" ? CAMGATE_SUPPORT_UNTIL : manifest().supportUntil;

function manifest(): { readonly version: string; readonly supportUntil: string } {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
}

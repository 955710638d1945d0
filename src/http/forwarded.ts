// What a trusted proxy says of its client: the X-Forwarded headers. Pure functions.
import { isIP } from "node:net";
import { bareAddress } from "#base/address-group.ts";

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Forwarded {
  /** Undefined: nothing usable is said of it. */
  readonly address: string | undefined;
  readonly scheme: "http" | "https" | undefined;
  /** With the port. */
  readonly host: string | undefined;
  /** What the proxy takes off every path: empty, or from a slash on, without one at the end. */
  readonly prefix: string;
}

const MAX_HOST_LENGTH = 261;
const MAX_PREFIX_LENGTH = 256;

/** Where several proxies stand one behind the other, the nearest one's word counts, save for addresses: those of trusted proxies are passed over. */
export function readForwarded(headers: Headers, trustsProxy: (address: string) => boolean): Forwarded {
  const scheme = lastOf(headers["x-forwarded-proto"])?.toLowerCase();
  const host = lastOf(headers["x-forwarded-host"]);
  const prefix = lastOf(headers["x-forwarded-prefix"])?.replace(/\/+$/, "") ?? "";
  return {
    address: clientBehind(listOf(headers["x-forwarded-for"]), trustsProxy),
    scheme: scheme === "http" || scheme === "https" ? scheme : undefined,
    host: host !== undefined && isHost(host) ? host : undefined,
    prefix: prefix.length <= MAX_PREFIX_LENGTH && /^(?:\/[\w.~!$&'()*+,;=:@%-]+)+$/.test(prefix) ? prefix : "",
  };
}

/** The last address that no trusted proxy stands for; the first of all where each is trusted. What is no address, and all before it, counts for nothing. */
function clientBehind(entries: readonly string[], trustsProxy: (address: string) => boolean): string | undefined {
  let found: string | undefined;
  for (const entry of entries.toReversed()) {
    const address = addressIn(entry);
    if (address === undefined) return found;
    found = address;
    if (!trustsProxy(address)) return found;
  }
  return found;
}

/** Some proxies write the port behind it. */
function addressIn(entry: string): string | undefined {
  const [, v6, v4] = /^\[([^\]]+)\](?::\d{1,5})?$|^(\d[\d.]*):\d{1,5}$/.exec(entry) ?? [];
  const address = v6 ?? v4 ?? entry;
  return isIP(bareAddress(address)) === 0 ? undefined : address;
}

function isHost(text: string): boolean {
  const [, v6, name] = /^(?:\[([^\]]+)\]|([\w.-]+))(?::\d{1,5})?$/.exec(text.slice(0, MAX_HOST_LENGTH + 1)) ?? [];
  if (text.length > MAX_HOST_LENGTH) return false;
  return v6 === undefined ? name !== undefined : isIP(v6) === 6;
}

function lastOf(value: Headers[string]): string | undefined {
  return listOf(value).at(-1);
}

function listOf(value: Headers[string]): readonly string[] {
  const text = typeof value === "string" ? value : (value ?? []).join(",");
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

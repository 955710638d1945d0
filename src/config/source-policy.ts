// Which sources may be set from outside of the config file, and which addresses they may lead to: `sourcePolicy`.

import { BlockList, isIP, isIPv6 } from "node:net";
import { canonicalAddress, ownAddresses } from "#base/own-addresses.ts";
import { splitUrl } from "#base/url-parts.ts";

export type SourcePolicy = "any" | "lan";
/** Where a source was set. Whoever writes the file may do anything anyway. */
export type SourceOrigin = "file" | "api" | "desired";

const LAN_SCHEMES: ReadonlySet<string> = new Set(["rtsp", "rtsps"]);

/** What is wrong with a source, or undefined. The addresses that a name stands for are judged when it is connected to: `addressFault`. */
export function sourcePolicyFault(source: string, origin: SourceOrigin, policy: SourcePolicy): string | undefined {
  if (origin === "file" || policy === "any" || source === "publisher" || source === "redirect") return undefined;
  const parts = splitUrl(source);
  if (parts === undefined || !LAN_SCHEMES.has(parts.scheme)) return refused("rtsp:// and rtsps:// only");
  const host = hostOf(parts.host);
  if (host === undefined) return refused("an address or a name as host");
  if (/[$%]/.test(host)) return refused("no host that a client chooses");
  const address = host.replace(/^\[|\]$/g, "");
  if (isIP(address) !== 0) return addressFault(address);
  return nameFault(host);
}

/**
 * What is wrong with an address that a source of the policy `lan` leads to, or undefined: it has to be a private one (RFC 1918, RFC 4193), and not this
 * machine's.
 */
export function addressFault(address: string, own: readonly string[] = ownAddresses()): string | undefined {
  const plain = address.split("%")[0]!;
  const family = isIPv6(plain) ? "ipv6" : "ipv4";
  if (isIP(plain) === 0 || !LAN.check(plain, family) || isMapped(plain)) return refused(`private addresses only, not ${address}`);
  return own.includes(canonicalAddress(plain)) ? refused(`no address of this machine: ${address}`) : undefined;
}

const LAN = new BlockList();
LAN.addSubnet("10.0.0.0", 8, "ipv4");
LAN.addSubnet("172.16.0.0", 12, "ipv4");
LAN.addSubnet("192.168.0.0", 16, "ipv4");
LAN.addSubnet("fc00::", 7, "ipv6");

function refused(what: string): string {
  return `\`sourcePolicy: lan\` lets the API set ${what}`;
}

/** Without the port; undefined: there is none, or it is more than one thing. */
function hostOf(authority: string): string | undefined {
  return /^(\[[^[\]]+\]|[^:[\]\s\\]+)(:\d{1,5})?$/.exec(authority)?.[1];
}

/** Names that are numbers in disguise (`0x7f.1`, `2130706433`), or this machine's own. */
function nameFault(host: string): string | undefined {
  let hostname: string;
  try {
    ({ hostname } = new URL(`http://${host}/`));
  } catch {
    return refused("an address or a name as host");
  }
  if (isIP(hostname) !== 0) return refused("addresses as four decimal numbers only");
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "localhost."
    ? refused("no address of this machine")
    : undefined;
}

/** IPv4 in the clothes of IPv6: a list of IPv4 networks takes it for what is inside. */
function isMapped(address: string): boolean {
  return isIPv6(address) && canonicalAddress(address).startsWith("::ffff:");
}

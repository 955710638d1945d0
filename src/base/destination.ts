// Where the gateway may send footage to: hosts that its own config names, at addresses that are none of the machine's own.
import { BlockList, isIP, isIPv6 } from "node:net";
import { CallerFault } from "./errors.ts";
import { canonicalAddress, ownAddresses } from "./own-addresses.ts";
import { resolveHost } from "./resolve-host.ts";

const NAME = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** Addresses that a name must not lead to: of the machine itself, of its links (where clouds keep credentials), of groups. */
const NEVER = new BlockList();
NEVER.addSubnet("0.0.0.0", 8, "ipv4");
NEVER.addSubnet("127.0.0.0", 8, "ipv4");
NEVER.addSubnet("169.254.0.0", 16, "ipv4");
NEVER.addSubnet("224.0.0.0", 3, "ipv4");
NEVER.addSubnet("::", 96, "ipv6"); // unspecified, loopback, IPv4 in an old dress
NEVER.addSubnet("64:ff9b::", 96, "ipv6"); // and behind a translator
NEVER.addSubnet("fe80::", 10, "ipv6");
NEVER.addSubnet("ff00::", 8, "ipv6");

/** What is wrong with an entry of `destinationHosts`, or undefined: `noc.example`, `*.noc.example` and addresses are right. */
export function destinationEntryFault(entry: string): string | undefined {
  if (isIP(entry) !== 0) return undefined;
  const isName = NAME.test(entry) && entry.length <= 253 && !/(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(entry);
  return isName ? undefined : "is neither a host name in lower case, such as noc.example or *.noc.example, nor an address";
}

/** What is wrong with a host, or undefined. `host`: of a WHATWG URL, an IPv6 address with or without brackets. */
export function destinationFault(host: string, allowed: readonly string[]): string | undefined {
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  const isAllowed = isIP(plain) !== 0 ? namesAddress(allowed, plain) : allowed.some((entry) => fits(plain.toLowerCase(), entry));
  return isAllowed ? undefined : `${plain.slice(0, 253)} is no host that destinationHosts names in the gateway's config`;
}

/** What is wrong with an address that an allowed host leads to, or undefined. One that the config names itself is right, whatever it is. */
export function destinationAddressFault(
  address: string,
  allowed: readonly string[],
  own: readonly string[] = ownAddresses(),
): string | undefined {
  if (namesAddress(allowed, address)) return undefined;
  const plain = canonicalAddress(address);
  const isMapped = plain.startsWith("::ffff:"); // IPv4 in the clothes of IPv6: a list takes it for what is inside
  const isBad = isIP(plain) === 0 || isMapped || NEVER.check(plain, isIPv6(plain) ? "ipv6" : "ipv4") || own.includes(plain);
  return isBad ? `it leads to ${plain}, where nothing is sent unless destinationHosts names that address` : undefined;
}

/**
 * The address to connect to, and no other: a name that is asked twice may answer twice. Rejects with a CallerFault of `field` where the host or any of its
 * addresses is not allowed, and with the system's error where it is not known.
 */
export async function resolveDestination(host: string, allowed: readonly string[], field: string): Promise<string> {
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  const refused = (text: string): CallerFault => new CallerFault("unauthorized", `${field}: ${text}`, field);
  const fault = destinationFault(plain, allowed);
  if (fault !== undefined) throw refused(fault);
  const addresses = await resolveHost(plain);
  const own = ownAddresses();
  for (const address of addresses) {
    const wrong = destinationAddressFault(address, allowed, own);
    if (wrong !== undefined) throw refused(`${plain}: ${wrong}`);
  }
  return addresses[0]!;
}

function namesAddress(allowed: readonly string[], address: string): boolean {
  const plain = canonicalAddress(address);
  return allowed.some((entry) => isIP(entry) !== 0 && canonicalAddress(entry) === plain);
}

function fits(host: string, entry: string): boolean {
  return entry.startsWith("*.") ? host.endsWith(entry.slice(1)) && host.length > entry.length - 1 : host === entry;
}

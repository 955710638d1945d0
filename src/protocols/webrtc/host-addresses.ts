// The addresses of this machine that clients are told, and further ones that somebody configured.
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { resolveHost } from "#base/resolve-host.ts";

export interface HostAddressOptions {
  readonly fromInterfaces: boolean;
  /** Names of interfaces; empty: all. */
  readonly interfaces: readonly string[];
  /** Addresses and names. */
  readonly additional: readonly string[];
  /** What the port is bound to; undefined: every address. */
  readonly bound: string | undefined;
  readonly log: Log;
}

/** More tell a client nothing new. */
const MAX_ADDRESSES = 32;

/** In the order that clients should prefer them: configured ones, the local network's, the loopback's. A name that is not found is left out. */
export async function hostAddresses(options: HostAddressOptions): Promise<readonly string[]> {
  const { bound, fromInterfaces, additional, log } = options;
  const found: string[] = [];
  for (const host of additional) {
    try {
      found.push(...(await resolveHost(host)).slice(0, 4));
    } catch (error) {
      log.warn(`webrtcAdditionalHosts: '${host}' has no address: ${errorText(error)}`);
    }
  }
  if (fromInterfaces) found.push(...(bound === undefined || isWildcard(bound) ? interfaceAddresses(options) : [bound]));
  return [...new Set(found)].slice(0, MAX_ADDRESSES);
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

function interfaceAddresses({ interfaces, bound }: HostAddressOptions): readonly string[] {
  const addresses = Object.entries(networkInterfaces())
    .filter(([name]) => interfaces.length === 0 || interfaces.includes(name))
    .flatMap(([, entries]) => entries ?? [])
    // Link-local ones need a zone, which no candidate has.
    .filter(({ address }) => isIP(address) === 4 || (bound !== "0.0.0.0" && !/^fe[89ab]/i.test(address)));
  const rank = ({ internal, family }: (typeof addresses)[number]): number => (internal ? 2 : 0) + (family === "IPv6" ? 1 : 0);
  return addresses.sort((a, b) => rank(a) - rank(b)).map(({ address }) => address);
}

/** The address of this machine that a peer most likely sees; empty: none is in sight. For people to read. */
export function addressTowards(peer: string, bound: string | undefined): string {
  if (bound !== undefined && !isWildcard(bound)) return bound;
  const family = isIP(peer) === 6 ? "IPv6" : "IPv4";
  const own = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter((entry) => entry.family === family);
  const inNetwork = own.find(({ address, cidr }) => {
    const network = new BlockList();
    network.addSubnet(address, Number(cidr?.split("/")[1] ?? 32), family === "IPv6" ? "ipv6" : "ipv4");
    return network.check(peer, family === "IPv6" ? "ipv6" : "ipv4");
  });
  return (inNetwork ?? own.find(({ internal }) => !internal) ?? own[0])?.address ?? "";
}

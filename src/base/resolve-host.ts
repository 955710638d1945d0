// Host names to addresses without libuv's thread pool, which slow disks may hold: c-ares first, getaddrinfo (hosts file, mDNS) where it knows nothing.
import { resolve4, resolve6, lookup as systemLookup } from "node:dns/promises";
import { isIP } from "node:net";

const CACHE_MS = 30_000;
const cache = new Map<string, { readonly addresses: readonly string[]; readonly untilMs: number }>();
const MAX_CACHED = 256;

/** IP addresses of a host, IPv4 first; a literal is itself. Rejects when there are none. */
export async function resolveHost(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0 || (host.includes(":") && isIP(host.split("%")[0]!) === 6)) return [host];
  if (host === "localhost") return ["127.0.0.1", "::1"];
  const nowMs = performance.now();
  const known = cache.get(host);
  if (known !== undefined && known.untilMs > nowMs) return known.addresses;
  const addresses = await query(host);
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(host, { addresses, untilMs: nowMs + CACHE_MS });
  return addresses;
}

async function query(host: string): Promise<readonly string[]> {
  const found = await Promise.allSettled([resolve4(host), resolve6(host)]);
  const addresses = found.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  if (addresses.length > 0) return addresses;
  return (await systemLookup(host, { all: true })).map((answer) => answer.address);
}

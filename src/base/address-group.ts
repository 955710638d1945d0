// How clients are told apart by their addresses, for counting.
import { isIP } from "node:net";
import { plainAddress } from "./listen-address.ts";

/** Without the prefix of IPv4 over IPv6, and without a zone: that says where a link-local address is seen, not whose it is. */
export function bareAddress(remote: string): string {
  return plainAddress(remote).split("%")[0]!;
}

/** What one client can hardly change: an IPv4 address, or the first 64 bits of an IPv6 address (`2001:db8:0:1::/64`). */
export function addressGroup(remote: string): string {
  const address = bareAddress(remote);
  if (isIP(address) !== 6) return address;
  const [head = "", tail = ""] = address.toLowerCase().split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === "" ? [] : tail.split(":");
  const words = [...first, ...Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0"), ...last];
  return `${words
    .slice(0, 4)
    .map((word) => Number.parseInt(word, 16).toString(16))
    .join(":")}::/64`;
}

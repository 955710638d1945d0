// Addresses and networks that users may come from, and the address that a client is counted under.
import { BlockList, isIP } from "node:net";
import { plainAddress } from "#base/listen-address.ts";

/** Bits before the IPv4 address in an IPv4-mapped one: RFC 4291 §2.5.5.2. */
const MAPPED_BITS = 96;

/** `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`; IPv4 over IPv6 is IPv4. */
export class AddressSet {
  readonly #list = new BlockList();

  /** Throws a RangeError or TypeError when an entry is no address; the config has checked them. */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [text = "", bits] = entry.split("/");
      const address = plainAddress(text);
      const family = familyOf(address);
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits) - (address === text ? 0 : MAPPED_BITS), family);
    }
  }

  has(remote: string): boolean {
    const address = bareAddress(remote);
    return isIP(address) !== 0 && this.#list.check(address, familyOf(address));
  }
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

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

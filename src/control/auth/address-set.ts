// Addresses and networks that users may come from.
import { BlockList, isIP } from "node:net";
import { bareAddress } from "#base/address-group.ts";
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

// The addresses of this machine, each in one spelling.
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

/** One spelling for each address; a zone is not part of it. */
export function canonicalAddress(address: string): string {
  const plain = address.split("%")[0]!;
  return isIPv6(plain) ? new URL(`http://[${plain}]/`).hostname.slice(1, -1) : plain;
}

export function ownAddresses(): readonly string[] {
  const found = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  return found.map(({ address }) => canonicalAddress(address));
}

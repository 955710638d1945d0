// `struct sockaddr_in` and `sockaddr_in6` (ip(7), ipv6(7)). Texts are read and written by the C library, as in the rest of Node.
import { AF_INET, AF_INET6, type Libc } from "./libc.ts";

export type UdpFamily = "udp4" | "udp6";

/** Room for either; the kernel takes more than it needs. */
export const SOCKET_ADDRESS_BYTES = 28;

const PORT_AT = 2;
const IPV4_AT = 4;
const IPV6_AT = 8;
const SCOPE_AT = 24;
const INTERFACE_NAME_BYTES = 16; // IF_NAMESIZE
const TEXT_BYTES = 46; // INET6_ADDRSTRLEN

/** `address` without brackets, IPv6 with its zone (RFC 4007 §11) if it has one. undefined: no address of that family, or no such zone. */
export function writeSocketAddress(libc: Libc, family: UdpFamily, address: string, port: number): Buffer | undefined {
  const bytes = Buffer.alloc(SOCKET_ADDRESS_BYTES);
  bytes.writeUInt16BE(port, PORT_AT);
  if (family === "udp4") {
    bytes.writeUInt16LE(AF_INET, 0);
    return libc.inetPton(AF_INET, address, bytes.subarray(IPV4_AT)) === 1 ? bytes : undefined;
  }
  const [plain = "", zone] = address.split("%", 2);
  bytes.writeUInt16LE(AF_INET6, 0);
  if (libc.inetPton(AF_INET6, plain, bytes.subarray(IPV6_AT)) !== 1) return undefined;
  if (zone === undefined) return bytes;
  const scope = libc.ifNameToIndex(zone) || (/^\d{1,9}$/.test(zone) ? Number(zone) : 0);
  if (scope === 0) return undefined;
  bytes.writeUInt32LE(scope, SCOPE_AT);
  return bytes;
}

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** As dgram tells it: with the zone's name where the address is link-local. */
export function readSocketAddress(libc: Libc, bytes: Uint8Array): SocketAddress {
  const memory = Buffer.from(bytes);
  const isV4 = memory.readUInt16LE(0) === AF_INET;
  const text = Buffer.alloc(TEXT_BYTES);
  libc.inetNtop(isV4 ? AF_INET : AF_INET6, memory.subarray(isV4 ? IPV4_AT : IPV6_AT), text, TEXT_BYTES);
  const scope = isV4 ? 0 : memory.readUInt32LE(SCOPE_AT);
  const isLinkLocal = !isV4 && memory[IPV6_AT] === 0xfe && (memory[IPV6_AT + 1]! & 0xc0) === 0x80; // RFC 4291 §2.5.6
  const zone = isLinkLocal && scope !== 0 ? `%${interfaceName(libc, scope)}` : "";
  return { address: untilNul(text) + zone, port: memory.readUInt16BE(PORT_AT) };
}

function interfaceName(libc: Libc, index: number): string {
  const name = Buffer.alloc(INTERFACE_NAME_BYTES);
  return libc.ifIndexToName(index, name) === null ? String(index) : untilNul(name);
}

function untilNul(text: Buffer): string {
  return text.toString("latin1", 0, text.indexOf(0));
}

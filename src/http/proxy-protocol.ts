// The header in which a proxy says for whom it connects: PROXY protocol versions 1 and 2 (HAProxy's proxy-protocol.txt, §2.1 and §2.2).
import { isIPv4, isIPv6 } from "node:net";
import { plainAddress } from "#base/listen-address.ts";

export interface ProxiedClient {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  /** It may be one; the rest has not come. */
  | { readonly kind: "incomplete" }
  /** The connection begins with something else. */
  | { readonly kind: "none" }
  | { readonly kind: "broken"; readonly fault: string }
  /** `client` is undefined where the proxy speaks for itself or does not know. */
  | { readonly kind: "header"; readonly lengthBytes: number; readonly client: ProxiedClient | undefined };

const V1_START = Buffer.from("PROXY ");
/** §2.1, with the line's end. */
const V1_MAX_BYTES = 107;
/** §2.2 */
const V2_START = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_HEAD_BYTES = 16;
/** What proxies add to the addresses is skipped; more of it than this is refused. */
const V2_MAX_BYTES = 4096;
const V2_TCP4 = 0x11;
const V2_TCP6 = 0x21;

/** Of what a connection began with so far. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (beginsLike(bytes, V1_START)) return bytes.length < V1_START.length ? { kind: "incomplete" } : parseV1(bytes);
  if (beginsLike(bytes, V2_START)) return bytes.length < V2_HEAD_BYTES ? { kind: "incomplete" } : parseV2(bytes);
  return { kind: "none" };
}

/** All of `start`, or as much of it as there is of `bytes`. */
function beginsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function parseV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf("\r\n");
  if (end < 0) return bytes.length < V1_MAX_BYTES ? { kind: "incomplete" } : broken("its line does not end");
  const lengthBytes = end + 2;
  const [, family, source = "", destination = "", sourcePort = "", destinationPort = "", ...more] = bytes
    .toString("latin1", 0, end)
    .split(" ");
  if (family === "UNKNOWN") return { kind: "header", lengthBytes, client: undefined };
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : undefined;
  if (isAddress === undefined) return broken("its protocol is neither TCP4, TCP6 nor UNKNOWN");
  const port = portOf(sourcePort);
  if (!isAddress(source) || !isAddress(destination) || port === undefined || portOf(destinationPort) === undefined || more.length > 0)
    return broken("its addresses cannot be read");
  return { kind: "header", lengthBytes, client: { address: plainAddress(source), port } };
}

function portOf(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

function parseV2(bytes: Buffer): ProxyHeader {
  const lengthBytes = V2_HEAD_BYTES + bytes.readUInt16BE(14);
  if (bytes[12]! >> 4 !== 2) return broken("its version is not 2");
  const command = bytes[12]! & 0x0f;
  if (command > 1) return broken("its command is neither LOCAL nor PROXY");
  if (lengthBytes > V2_MAX_BYTES) return broken(`it is longer than ${V2_MAX_BYTES} bytes`);
  if (bytes.length < lengthBytes) return { kind: "incomplete" };
  const family = command === 0 ? 0 : bytes[13]!;
  if (family === V2_TCP4) {
    if (lengthBytes < V2_HEAD_BYTES + 12) return broken("its addresses are cut off");
    return { kind: "header", lengthBytes, client: { address: [...bytes.subarray(16, 20)].join("."), port: bytes.readUInt16BE(24) } };
  }
  if (family === V2_TCP6) {
    if (lengthBytes < V2_HEAD_BYTES + 36) return broken("its addresses are cut off");
    return { kind: "header", lengthBytes, client: { address: ipv6Text(bytes.subarray(16, 32)), port: bytes.readUInt16BE(48) } };
  }
  return { kind: "header", lengthBytes, client: undefined };
}

/** RFC 5952, and IPv4 over IPv6 as IPv4. */
function ipv6Text(bytes: Buffer): string {
  const words = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i));
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) return [...bytes.subarray(12)].join(".");
  const text = words.map((word) => word.toString(16)).join(":");
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

function broken(fault: string): ProxyHeader {
  return { kind: "broken", fault };
}

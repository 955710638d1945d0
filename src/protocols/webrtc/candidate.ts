// ICE candidates of a lite agent: host addresses alone, each for UDP or as a passive TCP listener (RFC 8839 §5.1, RFC 6544 §4.5).
import { isIP } from "node:net";

export interface HostCandidate {
  readonly transport: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
}

/** RFC 8445 §5.1.2.2: what a host candidate is preferred by. */
const TYPE_PREFERENCE = 126;
/** RFC 6544 §4.2: TCP behind every UDP; of its directions ours is the passive one. */
const TCP_TYPE_PREFERENCE = 90;
const PASSIVE_PREFERENCE = 4;

/** The value of `a=candidate`; `index`: its place in the list, which is its preference (RFC 8421 §4 is the caller's business). */
export function candidateText({ transport, address, port }: HostCandidate, index: number): string {
  const local = Math.max(0, 8191 - index);
  const preference =
    transport === "udp"
      ? TYPE_PREFERENCE * 2 ** 24 + (local << 8)
      : TCP_TYPE_PREFERENCE * 2 ** 24 + ((PASSIVE_PREFERENCE << 13) | local) * 256;
  const foundation = `${isIP(address) === 6 ? 6 : 4}${transport === "udp" ? 1 : 2}${index}`;
  const type = transport === "tcp" ? "typ host tcptype passive" : "typ host";
  return `${foundation} 1 ${transport} ${preference + 255} ${address} ${port} ${type}`;
}

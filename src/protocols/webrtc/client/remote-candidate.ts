// ICE candidates of the other side (RFC 8839 §5.1): those that a client can try.
import { isIP } from "node:net";
import type { SdpAttribute } from "#rtp/sdp.ts";

export interface RemoteCandidate {
  readonly address: string;
  readonly port: number;
  readonly priority: number;
}

/** More are no server's own addresses. */
const MAX_CANDIDATES = 32;

/** Those over UDP with an address; TCP and names (RFC 8828 §5.1.2.1 hides addresses behind some) are left out. Best first. */
export function remoteCandidates(attributes: readonly SdpAttribute[]): readonly RemoteCandidate[] {
  const found: RemoteCandidate[] = [];
  for (const { name, value } of attributes) {
    if (name.toLowerCase() !== "candidate" || found.length >= MAX_CANDIDATES) continue;
    const candidate = parseCandidate(value ?? "");
    if (candidate !== undefined && !found.some((one) => isSame(one, candidate))) found.push(candidate);
  }
  return found.sort((a, b) => b.priority - a.priority);
}

/** `foundation component transport priority address port typ …` */
export function parseCandidate(value: string): RemoteCandidate | undefined {
  const [, component, transport = "", priority = "", address = "", port = ""] = value.trim().split(/\s+/, 7);
  if (component !== "1" || transport.toLowerCase() !== "udp" || isIP(address) === 0) return undefined;
  if (!/^\d{1,10}$/.test(priority) || !/^\d{1,5}$/.test(port)) return undefined;
  const number = Number(port);
  return number > 0 && number <= 65_535 ? { address, port: number, priority: Number(priority) } : undefined;
}

function isSame(a: RemoteCandidate, b: RemoteCandidate): boolean {
  return a.address === b.address && a.port === b.port;
}

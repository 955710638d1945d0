// Network interfaces as Linux tells them: /proc/net/dev, /proc/net/route, /proc/net/wireless (proc(5)).

export interface InterfaceCounts {
  readonly name: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Both directions. */
  readonly errors: number;
  readonly drops: number;
}

/** Made by the kernel or by container engines: nothing is plugged in there. */
const NO_LINKS =
  /^(?:lo|ifb|veth|docker|dummy|sit|gre|gretap|erspan|ip6tnl|ip6gre|tunl|ip_vti|ip6_vti|bonding_masters)\d*(?:[a-f0-9]*|@.*)$/;
const MAX_INTERFACES = 16;

/** In the kernel's order, without those that are no links; lines that make no sense are left out. */
export function parseInterfaces(text: string): readonly InterfaceCounts[] {
  const found: InterfaceCounts[] = [];
  for (const line of text.split("\n", 256)) {
    const [, name = "", fields = ""] = /^\s*([^\s:][^\s]*?):\s*(\d[\d\s]*)$/.exec(line) ?? [];
    const numbers = fields.trim().split(/\s+/).map(Number);
    if (name === "" || numbers.length < 16 || NO_LINKS.test(name) || found.length === MAX_INTERFACES) continue;
    found.push({
      name,
      receivedBytes: numbers[0]!,
      sentBytes: numbers[8]!,
      errors: numbers[2]! + numbers[10]!,
      drops: numbers[3]! + numbers[11]!,
    });
  }
  return found;
}

/** The interface of the IPv4 default route with the lowest metric; undefined: there is none. */
export function parseDefaultRoute(text: string): string | undefined {
  let best: { readonly name: string; readonly metric: number } | undefined;
  for (const line of text.split("\n", 4096).slice(1)) {
    const [name = "", destination, , flags = "", , , metric = "", mask] = line.split(/\s+/);
    if (destination !== "00000000" || mask !== "00000000") continue;
    const isUp = (Number.parseInt(flags, 16) & 1) === 1; // RTF_UP
    if (isUp && (best === undefined || Number(metric) < best.metric)) best = { name, metric: Number(metric) };
  }
  return best?.name;
}

/** Signal of the first wireless interface, dBm; undefined: there is none. */
export function parseWirelessSignal(text: string): number | undefined {
  for (const line of text.split("\n", 64).slice(2)) {
    const [, level] = /^\s*[^\s:]+:\s+\S+\s+\S+\s+(-?\d{1,3})\.?(?=\s)/.exec(line) ?? [];
    if (level !== undefined) return Number(level);
  }
  return undefined;
}

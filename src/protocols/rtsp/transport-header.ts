// The Transport header of SETUP: RFC 2326 §12.39, with what cameras and players make of it.

export type PortPair = readonly [first: number, second: number];

/** One alternative of a Transport header. */
export interface Transport {
  /** `RTP/SAVP` is SRTP. */
  readonly profile: "RTP/AVP" | "RTP/AVPF" | "RTP/SAVP" | "RTP/SAVPF";
  readonly lower: "udp" | "tcp";
  /** Only when it says so: RFC 2326 takes multicast where nothing is said, and no client means that. */
  readonly multicast: boolean;
  /** Channels for RTP and RTCP (§10.12). */
  readonly interleaved?: PortPair | undefined;
  /** Unicast UDP: where the client wants RTP and RTCP. */
  readonly clientPorts?: PortPair | undefined;
  /** Unicast UDP: where the server sends from. */
  readonly serverPorts?: PortPair | undefined;
  /** Multicast: the ports of the group. */
  readonly ports?: PortPair | undefined;
  readonly source?: string | undefined;
  readonly destination?: string | undefined;
  readonly ttl?: number | undefined;
  readonly ssrc?: number | undefined;
  readonly mode?: "play" | "record" | undefined;
}

const MAX_ALTERNATIVES = 16;

/**
 * Every alternative that we know, in the client's order, from one or several fields. Values that make no sense are taken as absent, so that a
 * broken `ssrc` does not cost the session; alternatives over other protocols (`RAW/RAW/UDP`, `MP2T/H2221/UDP`) are left out.
 */
export function parseTransports(values: string | readonly string[]): readonly Transport[] {
  const text = typeof values === "string" ? values : values.join(",");
  const transports: Transport[] = [];
  for (const alternative of splitOutsideQuotes(text, ",")) {
    const transport = parseTransport(alternative);
    if (transport !== undefined) transports.push(transport);
    if (transports.length === MAX_ALTERNATIVES) break;
  }
  return transports;
}

function parseTransport(text: string): Transport | undefined {
  const [protocol = "", ...parts] = splitOutsideQuotes(text, ";");
  const match = /^(RTP\/S?AVPF?)(?:\/(UDP|TCP))?$/i.exec(protocol.trim());
  if (match === null) return undefined;
  const params = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf("=");
    const name = (equals === -1 ? part : part.slice(0, equals)).trim().toLowerCase();
    const value =
      equals === -1
        ? ""
        : part
            .slice(equals + 1)
            .trim()
            .replace(/^"(.*)"$/, "$1")
            .trim();
    if (name !== "" && !params.has(name)) params.set(name, value);
  }
  return {
    profile: match[1]!.toUpperCase() as Transport["profile"],
    lower: match[2]?.toUpperCase() === "TCP" ? "tcp" : "udp",
    multicast: params.has("multicast"),
    interleaved: parsePair(params.get("interleaved"), 255),
    clientPorts: parsePair(params.get("client_port"), 65535),
    serverPorts: parsePair(params.get("server_port"), 65535),
    ports: parsePair(params.get("port"), 65535),
    source: params.get("source") || undefined,
    destination: params.get("destination") || undefined,
    ttl: parseNumber(params.get("ttl"), 255),
    ssrc: parseSsrc(params.get("ssrc")),
    mode: parseMode(params.get("mode")),
  };
}

/** One alternative; for a request with several, join them with commas. */
export function writeTransport(transport: Transport): string {
  const parts = [transport.lower === "tcp" ? `${transport.profile}/TCP` : transport.profile, transport.multicast ? "multicast" : "unicast"];
  if (transport.destination !== undefined) parts.push(`destination=${transport.destination}`);
  if (transport.source !== undefined) parts.push(`source=${transport.source}`);
  if (transport.interleaved !== undefined) parts.push(`interleaved=${transport.interleaved.join("-")}`);
  if (transport.ports !== undefined) parts.push(`port=${transport.ports.join("-")}`);
  if (transport.clientPorts !== undefined) parts.push(`client_port=${transport.clientPorts.join("-")}`);
  if (transport.serverPorts !== undefined) parts.push(`server_port=${transport.serverPorts.join("-")}`);
  if (transport.ttl !== undefined) parts.push(`ttl=${transport.ttl}`);
  if (transport.ssrc !== undefined) parts.push(`ssrc=${transport.ssrc.toString(16).toUpperCase().padStart(8, "0")}`);
  if (transport.mode !== undefined) parts.push(`mode=${transport.mode}`);
  return parts.join(";");
}

/** `8-9`, or `8` for 8 and 9. */
function parsePair(text: string | undefined, max: number): PortPair | undefined {
  const match = /^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/.exec(text ?? "");
  if (match === null) return undefined;
  const first = Number(match[1]);
  const second = match[2] === undefined ? first + 1 : Number(match[2]);
  return first <= max && second <= max ? [first, second] : undefined;
}

function parseNumber(text: string | undefined, max: number): number | undefined {
  return /^\d{1,5}$/.test(text ?? "") && Number(text) <= max ? Number(text) : undefined;
}

/** Eight hex digits by RFC 2326 §12.39; seen shorter, with spaces in front and with `0x`. */
function parseSsrc(text: string | undefined): number | undefined {
  const match = /^(?:0x)?([0-9a-f]{1,8})$/i.exec((text ?? "").replaceAll(" ", ""));
  return match === null ? undefined : Number.parseInt(match[1]!, 16);
}

/** `receive` is what RECORD was called in drafts; old publishers still say it. */
function parseMode(text: string | undefined): Transport["mode"] {
  const mode = /^[\s"]*(\w+)/.exec(text ?? "")?.[1]?.toLowerCase();
  if (mode === "record" || mode === "receive") return "record";
  return mode === "play" ? "play" : undefined;
}

function splitOutsideQuotes(text: string, separator: string): readonly string[] {
  const parts: string[] = [];
  let quoted = false;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted;
    else if (text[i] === separator && !quoted) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

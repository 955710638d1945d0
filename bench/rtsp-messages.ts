// RTSP messages and interleaved packets, out of and into one byte stream (RFC 2326 §4, §10.12): as much as a load needs.

const DOLLAR = 0x24; // §10.12
const FRAMING_BYTES = 4;
const HEADER_END = Buffer.from("\r\n\r\n");
const MAX_HEADER_BYTES = 65_536;

/** A request or a response. */
export interface RtspMessage {
  readonly startLine: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Cuts a byte stream into messages and packets, in order. Packets are views, to be used before `push` returns. */
export class MessageSplitter {
  onMessage: (message: RtspMessage) => void = () => {};
  onPacket: (channel: number, bytes: Buffer) => void = () => {};
  #rest = Buffer.alloc(0);

  push(chunk: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (at < bytes.length) {
      const end = bytes[at] === DOLLAR ? this.#packet(bytes, at) : this.#message(bytes, at);
      if (end === undefined) break;
      at = end;
    }
    this.#rest = Buffer.from(bytes.subarray(at)); // the chunk is only borrowed
  }

  /** Where the packet ends; undefined while it is not complete. */
  #packet(bytes: Buffer, at: number): number | undefined {
    if (bytes.length - at < FRAMING_BYTES) return undefined;
    const end = at + FRAMING_BYTES + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) return undefined;
    this.onPacket(bytes[at + 1]!, bytes.subarray(at + FRAMING_BYTES, end));
    return end;
  }

  #message(bytes: Buffer, at: number): number | undefined {
    const headerEnd = bytes.indexOf(HEADER_END, at);
    if (headerEnd < 0) {
      if (bytes.length - at > MAX_HEADER_BYTES) throw new Error("no end of an RTSP header");
      return undefined;
    }
    const [startLine = "", ...lines] = bytes.toString("latin1", at, headerEnd).split("\r\n");
    const headers = new Map(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const bodyStart = headerEnd + HEADER_END.length;
    const end = bodyStart + Number(headers.get("content-length") ?? 0);
    if (end > bytes.length) return undefined;
    this.onMessage({ startLine, headers, body: bytes.toString("utf8", bodyStart, end) });
    return end;
  }
}

/** Content-Length is added where there is a body. */
export function writeMessage(startLine: string, headers: Readonly<Record<string, string>>, body = ""): string {
  const lines = [startLine, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  if (body !== "") lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** The first number of a range in a Transport header, e.g. of `client_port=5000-5001` (§12.39). */
export function transportPort(transport: string, parameter: "client_port" | "server_port" | "interleaved"): number | undefined {
  const match = new RegExp(`(?:^|;)\\s*${parameter}=(\\d+)`).exec(transport);
  return match ? Number(match[1]) : undefined;
}

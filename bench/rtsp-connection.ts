// The least RTSP client that can drive a load (RFC 2326): one request at a time, interleaved media handed over as raw bytes.
import { connect, type Socket } from "node:net";

const DOLLAR = 0x24; // §10.12
const HEADER_END = Buffer.from("\r\n\r\n");
const MAX_RESPONSE_BYTES = 65_536;

export interface RtspResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

interface Pending {
  readonly method: string;
  resolve(response: RtspResponse): void;
  reject(error: Error): void;
}

/** One connection. All connections of a process read into one buffer: `onMedia` must be done with the bytes when it returns. */
export class RtspConnection {
  /** Called with whatever the socket gave while no response is awaited: interleaved frames, cut anywhere. */
  onMedia: (bytes: Buffer) => void = () => {};
  onClose: () => void = () => {};
  readonly socket: Socket;
  readonly #url: URL;
  #sequence = 0;
  #session: string | undefined;
  #pending: Pending | undefined;
  #received = Buffer.alloc(0);

  private constructor(url: URL, readBuffer: Buffer) {
    this.#url = url;
    this.socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (size) => {
          const bytes = readBuffer.subarray(0, size);
          if (this.#pending) this.#onResponseBytes(bytes);
          else this.onMedia(bytes);
          return true;
        },
      },
    });
    this.socket.on("error", (error) => this.#fail(error));
    this.socket.on("close", () => {
      this.#fail(new Error("connection closed"));
      this.onClose();
    });
  }

  static open(url: string, readBuffer: Buffer): Promise<RtspConnection> {
    const connection = new RtspConnection(new URL(url), readBuffer);
    return new Promise((resolve, reject) => {
      connection.socket.once("connect", () => resolve(connection));
      connection.socket.once("error", reject);
    });
  }

  /** Rejects on a status that is not 2xx. `target`: an absolute URL; without it the URL of the connection. */
  request(method: string, headers: Record<string, string> = {}, target = this.#url.href, body = ""): Promise<RtspResponse> {
    this.#sequence += 1;
    const lines = [`${method} ${target} RTSP/1.0`, `CSeq: ${this.#sequence}`, "User-Agent: camgate-bench"];
    if (this.#session !== undefined) lines.push(`Session: ${this.#session}`);
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    if (body !== "") lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
    return new Promise((resolve, reject) => {
      this.#pending = { method, resolve, reject };
      this.socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
    });
  }

  /** DESCRIBE, SETUP of the first media and PLAY; afterwards everything that arrives is `onMedia`. */
  async play(): Promise<void> {
    const description = await this.request("DESCRIBE", { Accept: "application/sdp" });
    const base = description.headers.get("content-base") ?? this.#url.href;
    const control = /m=[\s\S]*?^a=control:(.*)$/m.exec(description.body)?.[1]?.trim() ?? "";
    await this.request("SETUP", { Transport: "RTP/AVP/TCP;unicast;interleaved=0-1" }, join(base, control));
    await this.request("PLAY", { Range: "npt=0-" }, base);
  }

  /** ANNOUNCE, SETUP and RECORD; afterwards interleaved frames may be written to `socket`. */
  async record(sdp: string): Promise<void> {
    await this.request("ANNOUNCE", { "Content-Type": "application/sdp" }, this.#url.href, sdp);
    const transport = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record";
    await this.request("SETUP", { Transport: transport }, join(this.#url.href, "trackID=0"));
    await this.request("RECORD", { Range: "npt=0-" });
  }

  close(): void {
    this.socket.destroy();
  }

  #fail(error: Error): void {
    this.#pending?.reject(error);
    this.#pending = undefined;
  }

  #onResponseBytes(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    while (this.#received[0] === DOLLAR && this.#received.length >= 4) {
      const end = 4 + this.#received.readUInt16BE(2);
      if (this.#received.length < end) return;
      this.#received = this.#received.subarray(end);
    }
    const headerEnd = this.#received.indexOf(HEADER_END);
    if (headerEnd < 0) {
      if (this.#received.length > MAX_RESPONSE_BYTES) this.#fail(new Error("no end of the response's header"));
      return;
    }
    const [statusLine = "", ...lines] = this.#received.toString("latin1", 0, headerEnd).split("\r\n");
    const headers = new Map(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const end = headerEnd + HEADER_END.length + Number(headers.get("content-length") ?? 0);
    if (this.#received.length < end) return;

    const body = this.#received.toString("utf8", headerEnd + HEADER_END.length, end);
    const rest = this.#received.subarray(end);
    this.#received = Buffer.alloc(0);
    this.#session = headers.get("session")?.split(";")[0] ?? this.#session;
    const pending = this.#pending;
    this.#pending = undefined;
    const status = Number(statusLine.split(" ")[1]);
    if (status >= 200 && status < 300) pending?.resolve({ status, headers, body });
    else pending?.reject(new Error(`${pending.method} answered "${statusLine}"`));
    if (rest.length > 0) this.onMedia(rest);
  }
}

function join(base: string, control: string): string {
  if (control === "" || control === "*") return base;
  return /^rtsps?:/.test(control) ? control : `${base.replace(/\/$/, "")}/${control}`;
}

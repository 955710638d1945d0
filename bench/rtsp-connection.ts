// The least RTSP client that can drive a load (RFC 2326): one request at a time; media interleaved or over UDP.
import { connect, type Socket } from "node:net";
import { MessageSplitter, type RtspMessage, writeMessage } from "./rtsp-messages.ts";
import { openUdpPair, type UdpPair } from "./udp-pair.ts";

export type Transport = "tcp" | "udp";

interface Pending {
  readonly method: string;
  resolve(response: RtspMessage): void;
  reject(error: Error): void;
}

/** All connections of a process may read into one buffer: what is handed over must be used before the callback returns. */
export class RtspConnection {
  /** Called for every RTP packet, whichever way it came. RTCP is left out. */
  onRtp: (rtp: Buffer) => void = () => {};
  /** Set after `play`, it gets all that arrives on the connection, cut anywhere, instead of `onRtp`. No requests can be made from then on. */
  onRaw: ((bytes: Buffer) => void) | undefined;
  onClose: () => void = () => {};
  readonly socket: Socket;
  readonly #url: URL;
  readonly #splitter = new MessageSplitter();
  #base: string;
  #sequence = 0;
  #session: string | undefined;
  #pending: Pending | undefined;
  #udp: UdpPair | undefined;

  private constructor(url: URL, readBuffer: Buffer) {
    this.#url = url;
    this.#base = url.href;
    this.#splitter.onMessage = (message) => this.#onResponse(message);
    this.#splitter.onPacket = (channel, bytes) => {
      if (channel === 0) this.onRtp(bytes);
    };
    this.socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (size) => {
          this.#onBytes(readBuffer.subarray(0, size));
          return true;
        },
      },
    });
    this.socket.on("error", (error) => this.#fail(error));
    this.socket.on("close", () => {
      this.#udp?.close();
      this.#udp = undefined;
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
  request(method: string, headers: Readonly<Record<string, string>> = {}, target = this.#url.href, body = ""): Promise<RtspMessage> {
    this.#sequence += 1;
    const session = this.#session === undefined ? {} : { Session: this.#session };
    const all = { CSeq: String(this.#sequence), "User-Agent": "camgate-bench", ...session, ...headers };
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) return void reject(new Error("connection closed"));
      this.#pending = { method, resolve, reject };
      this.socket.write(writeMessage(`${method} ${target} RTSP/1.0`, all, body));
    });
  }

  /** DESCRIBE and SETUP of the first media. */
  async setUp(transport: Transport): Promise<void> {
    const description = await this.request("DESCRIBE", { Accept: "application/sdp" });
    this.#base = description.headers.get("content-base") ?? this.#url.href;
    const control = /m=[\s\S]*?^a=control:(.*)$/m.exec(description.body)?.[1]?.trim() ?? "";
    const wanted = transport === "tcp" ? "RTP/AVP/TCP;unicast;interleaved=0-1" : await this.#openUdp();
    await this.request("SETUP", { Transport: wanted }, join(this.#base, control));
  }

  /** `setUp` and PLAY; packets may come before it resolves. */
  async play(transport: Transport): Promise<void> {
    await this.setUp(transport);
    await this.request("PLAY", { Range: "npt=0-" }, this.#base);
  }

  /** ANNOUNCE, SETUP and RECORD; afterwards interleaved frames may be written to `socket`. */
  async record(sdp: string): Promise<void> {
    await this.request("ANNOUNCE", { "Content-Type": "application/sdp" }, this.#url.href, sdp);
    const transport = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record";
    await this.request("SETUP", { Transport: transport }, join(this.#url.href, "trackID=0"));
    await this.request("RECORD", { Range: "npt=0-" });
  }

  async tearDown(): Promise<void> {
    await this.request("TEARDOWN", {}, this.#base);
  }

  close(): void {
    this.socket.destroy();
  }

  async #openUdp(): Promise<string> {
    const pair = await openUdpPair();
    if (this.socket.destroyed) {
      pair.close();
      throw new Error("connection closed");
    }
    this.#udp = pair;
    pair.rtp.on("message", (rtp) => this.onRtp(rtp));
    return `RTP/AVP;unicast;client_port=${pair.rtpPort}-${pair.rtpPort + 1}`;
  }

  #onBytes(bytes: Buffer): void {
    if (this.onRaw) {
      this.onRaw(bytes);
      return;
    }
    try {
      this.#splitter.push(bytes);
    } catch (error) {
      this.socket.destroy(error as Error);
    }
  }

  #onResponse({ startLine, headers, body }: RtspMessage): void {
    this.#session = headers.get("session")?.split(";")[0] ?? this.#session;
    const pending = this.#pending;
    this.#pending = undefined;
    const status = Number(startLine.split(" ")[1]);
    if (status >= 200 && status < 300) pending?.resolve({ startLine, headers, body });
    else pending?.reject(new Error(`${pending.method} answered "${startLine}"`));
  }

  #fail(error: Error): void {
    this.#pending?.reject(error);
    this.#pending = undefined;
  }
}

function join(base: string, control: string): string {
  if (control === "" || control === "*") return base;
  return /^rtsps?:/.test(control) ? control : `${base.replace(/\/$/, "")}/${control}`;
}

// An RTSP client that sends whatever a test wants and shows what comes back, byte for byte. Reads with a parser of its own (RFC 2326 §4, §10.12).
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawResponse {
  readonly status: number;
  /** The first value of each header, names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Every value of a header. */
  all(name: string): readonly string[];
  readonly body: string;
}

export interface InterleavedPacket {
  readonly channel: number;
  readonly bytes: Buffer;
  /** By the client's clock. */
  readonly arrivedUs: number;
}

export type Headers = Readonly<Record<string, string | undefined>>;

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

export class RawRtspClient {
  readonly socket: Socket;
  /** Interleaved packets so far, in order. */
  readonly packets: InterleavedPacket[] = [];
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  /** Sent with every request once an answer named one; a test may change it. */
  session: string | undefined;
  #sequence = 0;
  #received = Buffer.alloc(0);
  #isClosed = false;
  readonly #responses: RawResponse[] = [];
  readonly #waiting: Waiter<RawResponse>[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #nowUs: () => number;

  private constructor(socket: Socket, nowUs: () => number) {
    this.socket = socket;
    this.#nowUs = nowUs;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#isClosed = true;
        for (const waiter of this.#waiting.splice(0)) waiter.reject(new Error("the connection was closed"));
        this.#wake();
        resolve();
      });
    });
  }

  static async connect(port: number, host = "127.0.0.1", nowUs = (): number => performance.now() * 1000): Promise<RawRtspClient> {
    const socket = connect({ host, port, noDelay: true });
    await once(socket, "connect");
    return new RawRtspClient(socket, nowUs);
  }

  /** On a connection that stands, TLS or not. */
  static on(socket: Socket): RawRtspClient {
    return new RawRtspClient(socket, () => performance.now() * 1000);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends a request with CSeq and the session; headers may replace both, or leave them out with undefined. Resolves with the next answer. */
  request(method: string, url: string, headers: Headers = {}, body = ""): Promise<RawResponse> {
    this.send(this.write(method, url, headers, body));
    return this.response();
  }

  /** The bytes of a request. */
  write(method: string, url: string, headers: Headers = {}, body = ""): string {
    const fields: Headers = {
      CSeq: String(++this.#sequence),
      Session: this.session,
      ...headers,
      ...(body !== "" && { "Content-Length": String(Buffer.byteLength(body)) }),
    };
    const lines = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]));
    return `${method} ${url} RTSP/1.0\r\n${lines.join("")}\r\n${body}`;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  sendPacket(channel: number, packet: Buffer): void {
    const framing = Buffer.from([0x24, channel, packet.length >>> 8, packet.length & 0xff]);
    this.send(Buffer.concat([framing, packet]));
  }

  /** The next answer that nobody has taken yet. Rejects when the connection ends first. */
  response(): Promise<RawResponse> {
    const there = this.#responses.shift();
    if (there !== undefined) return Promise.resolve(there);
    if (this.#isClosed) return Promise.reject(new Error("the connection was closed"));
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }));
  }

  /** Resolves once `look` holds; it is asked at every packet and at the end of the connection, where it fails. */
  async when(what: string, look: (packets: readonly InterleavedPacket[]) => boolean): Promise<void> {
    while (!look(this.packets)) {
      if (this.#isClosed) throw new Error(`the connection was closed before: ${what}`);
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  /** The RTP packets on a channel so far. */
  on(channel: number): readonly Buffer[] {
    return this.packets.filter((packet) => packet.channel === channel).map(({ bytes }) => bytes);
  }

  close(): void {
    this.socket.destroy();
  }

  #wake(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher();
  }

  #read(chunk: Buffer): void {
    let bytes = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    for (let size = this.#take(bytes); size > 0; size = this.#take(bytes)) bytes = bytes.subarray(size);
    this.#received = Buffer.from(bytes);
    this.#wake();
  }

  /** Takes one whole packet or answer from the front; returns its size, 0 when none is there. */
  #take(bytes: Buffer): number {
    if (bytes[0] === 0x24) {
      if (bytes.length < 4) return 0;
      const end = 4 + bytes.readUInt16BE(2);
      if (bytes.length < end) return 0;
      this.packets.push({ channel: bytes[1]!, bytes: Buffer.from(bytes.subarray(4, end)), arrivedUs: this.#nowUs() });
      return end;
    }
    const headEnd = bytes.indexOf("\r\n\r\n");
    if (headEnd < 0) return 0;
    const [startLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
    const fields = lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()] as const);
    const headers = new Map([...fields].reverse());
    const end = headEnd + 4 + Number(headers.get("content-length") ?? 0);
    if (bytes.length < end) return 0;
    this.session = headers.get("session")?.split(";")[0] ?? this.session;
    this.#answer({
      status: Number(startLine.split(" ")[1]),
      headers,
      all: (name) => fields.filter(([known]) => known === name.toLowerCase()).map(([, value]) => value),
      body: bytes.toString("utf8", headEnd + 4, end),
    });
    return end;
  }

  #answer(response: RawResponse): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#responses.push(response);
    else waiter.resolve(response);
  }
}

/** `Transport` of a SETUP over the same connection. */
export function overTcp(first = 0): string {
  return `RTP/AVP/TCP;unicast;interleaved=${first}-${first + 1}`;
}

/** DESCRIBE, SETUP of the first track over TCP and PLAY; fails on any other answer than 200. */
export async function playOverTcp(client: RawRtspClient, url: string, channel = 0): Promise<RawResponse> {
  await expect200(client.request("SETUP", `${url}/trackID=0`, { Transport: overTcp(channel) }));
  return expect200(client.request("PLAY", url));
}

/** ANNOUNCE, SETUP of the first track over TCP and RECORD; then send packets on `channel`. */
export async function recordOverTcp(client: RawRtspClient, url: string, sdp: string, channel = 0): Promise<void> {
  await expect200(client.request("ANNOUNCE", url, { "Content-Type": "application/sdp" }, sdp));
  await expect200(client.request("SETUP", `${url}/trackID=0`, { Transport: `${overTcp(channel)};mode=record` }));
  await expect200(client.request("RECORD", url));
}

export async function expect200(answer: Promise<RawResponse>): Promise<RawResponse> {
  const response = await answer;
  if (response.status !== 200) throw new Error(`answered ${response.status}`);
  return response;
}

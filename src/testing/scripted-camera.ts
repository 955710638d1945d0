// A camera that does what a test tells it: a small RTSP server (RFC 2326) over one synthetic H.264 track, every answer of which can be replaced.
import { createServer, type Server, type Socket } from "node:net";
import { RtspSplitter } from "#protocols/rtsp/interleaved.ts";
import { RtspHeaders, type RtspRequest, rtspResponse, writeResponse } from "#protocols/rtsp/message.ts";
import { parseTransports } from "#protocols/rtsp/transport-header.ts";
import { listenUdpPair, type UdpPair } from "#protocols/rtsp/udp-pair.ts";
import { FRAMING_BYTES, type PacketBurst } from "#rtp/burst.ts";
import { SyntheticVideo, type SyntheticVideoOptions, syntheticSdp } from "./synthetic-track.ts";

export interface CameraAnswer {
  /** Default: 200. */
  readonly status?: number;
  /** Besides CSeq, which is always there unless `CSeq` is given here as undefined. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: string;
  /** Written in place of a response. */
  readonly raw?: string | Buffer;
}

/** `silent`: no answer. `hang-up`: the connection is closed. undefined: the usual answer. */
export type Scripted = CameraAnswer | "silent" | "hang-up" | undefined;

/** By method. Asked for each request; may do what it likes with the connection before it answers. */
export type Script = Partial<Record<string, (request: RtspRequest, connection: CameraConnection) => Scripted>>;

export interface ScriptedCameraOptions {
  readonly script?: Script;
  readonly host?: string;
  /** Default: `syntheticSdp()`. */
  readonly sdp?: string;
  readonly video?: SyntheticVideoOptions;
  /** Time between frames to everybody who plays, ms; 0: none are sent but by `sendFrame`. */
  readonly frameMs?: number;
}

const PUBLIC = "OPTIONS, DESCRIBE, SETUP, TEARDOWN, PLAY, PAUSE, GET_PARAMETER";

export class ScriptedCamera {
  /** May be changed at any time. */
  readonly script: Script;
  sdp: string;
  /** Every request of every connection, in order. */
  readonly requests: RtspRequest[] = [];
  /** Connections so far, those that are gone included. */
  readonly connections: CameraConnection[] = [];
  /** No frame is sent while it is set. */
  muted = false;
  readonly #server: Server;
  readonly #host: string;
  readonly #videoOptions: SyntheticVideoOptions;
  readonly #watchers = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: ScriptedCameraOptions) {
    this.script = options.script ?? {};
    this.sdp = options.sdp ?? syntheticSdp();
    this.#host = options.host ?? "127.0.0.1";
    this.#videoOptions = options.video ?? {};
    this.#server = createServer({ noDelay: true }, (socket) => this.connections.push(new CameraConnection(socket, this)));
    const frameMs = options.frameMs ?? 10;
    if (frameMs > 0) this.#timer = setInterval(() => this.sendFrame(), frameMs);
  }

  static async start(options: ScriptedCameraOptions = {}): Promise<ScriptedCamera> {
    const camera = new ScriptedCamera(options);
    await new Promise<void>((resolve) => camera.#server.listen({ host: camera.#host, port: 0 }, resolve));
    return camera;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** `rtsp://login@host:port/path` */
  url(path = "stream", login = ""): string {
    const host = this.#host.includes(":") ? `[${this.#host}]` : this.#host;
    return `rtsp://${login === "" ? "" : `${login}@`}${host}:${this.port}/${path}`;
  }

  /** Requests of one method so far. */
  of(method: string): readonly RtspRequest[] {
    return this.requests.filter((request) => request.method === method);
  }

  /** Resolves once `look` holds; it is asked again at every request. */
  async when(look: () => boolean): Promise<void> {
    while (!look()) await new Promise<void>((resolve) => this.#watchers.add(resolve));
  }

  /** One more frame to everybody who plays. */
  sendFrame(): void {
    if (this.muted) return;
    for (const connection of this.connections) connection.sendFrame();
  }

  newVideo(): SyntheticVideo {
    return new SyntheticVideo(this.#videoOptions);
  }

  /** Ends every connection, as a camera that loses power and is up again at once. */
  drop(): void {
    for (const { socket } of this.connections) socket.destroy();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** For its connections. */
  received(request: RtspRequest): void {
    this.requests.push(request);
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher();
  }
}

/** One client of the camera. */
export class CameraConnection {
  readonly socket: Socket;
  readonly sessionId = "12345678";
  playing = false;
  /** RTCP that the client sent, over whichever transport. */
  readonly rtcp: Buffer[] = [];
  readonly video: SyntheticVideo;
  readonly #camera: ScriptedCamera;
  /** Where packets go, framed as they lie in a burst. */
  #send: ((burst: PacketBurst) => void) | undefined;
  #udp: UdpPair | undefined;

  constructor(socket: Socket, camera: ScriptedCamera) {
    this.socket = socket;
    this.#camera = camera;
    this.video = camera.newVideo();
    const splitter = new RtspSplitter({
      isKnownChannel: () => true,
      onPacket: (_channel, bytes, start, end) => void this.rtcp.push(Buffer.from(bytes.subarray(start, end))),
      onRequest: (request) => this.#onRequest(request),
      onResponse: () => {},
      onFault: () => socket.destroy(),
    });
    socket.on("data", (chunk: Buffer) => splitter.push(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.playing = false;
      this.#udp?.close();
    });
  }

  sendFrame(): void {
    if (this.playing) this.#send?.(this.video.nextBurst());
  }

  answer(request: RtspRequest, { status = 200, headers = {}, body = "", raw }: CameraAnswer): void {
    if (raw !== undefined) {
      this.socket.write(raw);
      return;
    }
    const all = RtspHeaders.of({ CSeq: request.headers.get("CSeq"), ...headers });
    this.socket.write(writeResponse(rtspResponse(status, all, Buffer.from(body))));
  }

  #onRequest(request: RtspRequest): void {
    this.#camera.received(request);
    const scripted = this.#camera.script[request.method]?.(request, this);
    if (scripted === "hang-up") this.socket.destroy();
    else if (scripted === undefined) void this.#answerAsUsual(request);
    else if (scripted !== "silent") this.answer(request, scripted);
  }

  async #answerAsUsual(request: RtspRequest): Promise<void> {
    const session = { Session: `${this.sessionId};timeout=60` };
    switch (request.method) {
      case "OPTIONS":
        return this.answer(request, { headers: { Public: PUBLIC } });
      case "DESCRIBE":
        return this.answer(request, { headers: { "Content-Type": "application/sdp" }, body: this.#camera.sdp });
      case "SETUP":
        return this.answer(request, { headers: { ...session, Transport: await this.setUp(request) } });
      case "PLAY":
        this.answer(request, { headers: session });
        this.playing = true;
        return;
      case "TEARDOWN":
        this.playing = false;
        return this.answer(request, { headers: session });
      case "GET_PARAMETER":
      case "PAUSE":
        return this.answer(request, { headers: session });
      default:
        return this.answer(request, { status: 501 });
    }
  }

  /** Takes the first transport that is offered; returns the Transport header of the answer. `channel`: in place of the one that was asked for. */
  async setUp(request: RtspRequest, channel?: number): Promise<string> {
    const offer = parseTransports(request.headers.getAll("Transport"))[0]!;
    if (offer.lower === "tcp") {
      const rtp = channel ?? offer.interleaved?.[0] ?? 0;
      this.sendOver(rtp);
      return `RTP/AVP/TCP;unicast;interleaved=${rtp}-${rtp + 1}`;
    }
    const [rtpPort, rtcpPort] = offer.clientPorts!;
    const host = this.socket.localAddress!;
    const client = this.socket.remoteAddress!;
    const udp = await listenUdpPair({ host, port: 0 }, { host, port: 0 }, { readBufferBytes: 0 });
    this.#udp = udp;
    udp.rtcp.expect(client, rtcpPort, (bytes) => void this.rtcp.push(Buffer.from(bytes)));
    this.#send = ({ bytes, offsets, count }) => {
      for (let i = 0; i < count; i++) udp.rtp.socket.send(bytes.subarray(offsets[i]! + FRAMING_BYTES, offsets[i + 1]!), rtpPort, client);
    };
    return `RTP/AVP;unicast;client_port=${rtpPort}-${rtcpPort};server_port=${udp.rtp.port}-${udp.rtcp.port}`;
  }

  /** Packets go over this connection from now on, on `channel`. */
  sendOver(channel: number): void {
    this.#send = ({ bytes, offsets, count }) => {
      for (let i = 0; i < count; i++) bytes[offsets[i]! + 1] = channel;
      this.socket.write(bytes);
    };
  }
}

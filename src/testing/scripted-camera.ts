// A camera that does what a test tells it: a small RTSP server (RFC 2326) over synthetic H.264 or other media, every answer of which can be replaced.
import { createServer, type Server, type Socket } from "node:net";
import { RtspSplitter } from "#protocols/rtsp/interleaved.ts";
import { RtspHeaders, type RtspRequest, rtspResponse, writeResponse } from "#protocols/rtsp/message.ts";
import { parseTransports } from "#protocols/rtsp/transport-header.ts";
import { listenUdpPair, type UdpPair } from "#protocols/rtsp/udp-pair.ts";
import { type CameraMedia, type MediaPacket, mediaPackets } from "./camera-media.ts";
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
  /** Default: any free one. */
  readonly port?: number;
  /** Default: that of the media, or `syntheticSdp()`. */
  readonly sdp?: string;
  /** What SETUP and PLAY say of the session. */
  readonly session?: string;
  readonly video?: SyntheticVideoOptions;
  /** What a connection plays, in place of the synthetic video. */
  readonly media?: () => CameraMedia;
  /** Puts something between the camera's UDP ports and the client's: returns the ports it takes datagrams on, from both. */
  readonly udpPath?: (client: UdpEnd, camera: UdpEnd) => Promise<readonly [rtp: number, rtcp: number]>;
  /** Time between frames to everybody who plays, ms; 0: none are sent but by `sendFrame`. */
  readonly frameMs?: number;
}

export interface UdpEnd {
  readonly address: string;
  readonly ports: readonly [rtp: number, rtcp: number];
}

const SESSION_ID = "12345678";
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
  /** Frame times since the camera was switched on. */
  frame = -1;
  readonly options: ScriptedCameraOptions;
  readonly #server: Server;
  readonly #host: string;
  readonly #watchers = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: ScriptedCameraOptions) {
    this.options = options;
    this.script = options.script ?? {};
    this.sdp = options.sdp ?? options.media?.().sdp ?? syntheticSdp();
    this.#host = options.host ?? "127.0.0.1";
    this.#server = createServer({ noDelay: true }, (socket) => this.connections.push(new CameraConnection(socket, this)));
    const frameMs = options.frameMs ?? 10;
    if (frameMs > 0) this.#timer = setInterval(() => this.sendFrame(), frameMs);
  }

  static async start(options: ScriptedCameraOptions = {}): Promise<ScriptedCamera> {
    const camera = new ScriptedCamera(options);
    const { port = 0 } = options;
    await new Promise<void>((resolve, reject) => {
      camera.#server.once("error", reject).listen({ host: camera.#host, port }, resolve);
    }).catch((error: unknown) => {
      clearInterval(camera.#timer);
      throw error;
    });
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
    this.frame++;
    if (this.muted) return;
    for (const connection of this.connections) connection.sendFrame();
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
  readonly sessionId = SESSION_ID;
  playing = false;
  /** RTCP that the client sent, over whichever transport. */
  readonly rtcp: Buffer[] = [];
  readonly video: SyntheticVideo;
  readonly media: CameraMedia;
  readonly #camera: ScriptedCamera;
  /** The RTP channel of each track that goes over this connection. */
  readonly #channels = new Map<number, number>();
  /** Sends a datagram of each track that goes over UDP. */
  readonly #datagrams = new Map<number, (packet: MediaPacket) => void>();
  readonly #udp: UdpPair[] = [];
  #setups = 0;

  constructor(socket: Socket, camera: ScriptedCamera) {
    this.socket = socket;
    this.#camera = camera;
    const { video, media } = camera.options;
    this.video = new SyntheticVideo(video);
    this.media = media?.() ?? { sdp: camera.sdp, next: () => mediaPackets(0, this.video.nextBurst()) };
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
      for (const pair of this.#udp) pair.close();
    });
  }

  sendFrame(): void {
    if (this.playing) this.send(this.media.next(this.#camera.frame));
  }

  /** Packets of tracks that are set up, each over its transport; those over this connection in one write. */
  send(packets: readonly MediaPacket[]): void {
    const framed: Buffer[] = [];
    for (const packet of packets) {
      const channel = this.#channels.get(packet.track);
      if (channel === undefined) this.#datagrams.get(packet.track)?.(packet);
      else framed.push(interleaved(packet.isRtcp ? channel + 1 : channel, packet.bytes.length), packet.bytes);
    }
    if (framed.length > 0) this.socket.write(Buffer.concat(framed));
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
    const session = { Session: this.#camera.options.session ?? `${this.sessionId};timeout=60` };
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

  /**
   * Takes the first transport that is offered; returns the Transport header of the answer. `channel`: in place of the one that was asked for.
   * The track is the one the URL names by its number, else the next.
   */
  async setUp(request: RtspRequest, channel?: number): Promise<string> {
    const named = /trackID=(\d+)/.exec(request.url)?.[1];
    const track = named === undefined ? this.#setups : Number(named);
    this.#setups++;
    const offer = parseTransports(request.headers.getAll("Transport"))[0]!;
    if (offer.lower === "tcp") {
      const rtp = channel ?? offer.interleaved?.[0] ?? 0;
      this.sendOver(rtp, track);
      return `RTP/AVP/TCP;unicast;interleaved=${rtp}-${rtp + 1}`;
    }
    const [rtpPort, rtcpPort] = offer.clientPorts!;
    const address = this.socket.localAddress!;
    const client: UdpEnd = { address: this.socket.remoteAddress!, ports: [rtpPort, rtcpPort] };
    const udp = await listenUdpPair({ host: address, port: 0 }, { host: address, port: 0 }, { readBufferBytes: 0 });
    this.#udp.push(udp);
    const camera: UdpEnd = { address, ports: [udp.rtp.port, udp.rtcp.port] };
    const between = await this.#camera.options.udpPath?.(client, camera);
    const [toRtp, toRtcp] = between ?? client.ports;
    udp.rtcp.expect(client.address, toRtcp, (bytes) => void this.rtcp.push(Buffer.from(bytes)));
    this.#datagrams.set(track, ({ isRtcp, bytes }) => {
      const { socket } = isRtcp ? udp.rtcp : udp.rtp;
      socket.send(bytes, isRtcp ? toRtcp : toRtp, client.address);
    });
    const [serverRtp, serverRtcp] = between ?? camera.ports;
    return `RTP/AVP;unicast;client_port=${rtpPort}-${rtcpPort};server_port=${serverRtp}-${serverRtcp}`;
  }

  /** Packets of a track go over this connection from now on, RTP on `channel` and RTCP on the one behind it. */
  sendOver(channel: number, track = 0): void {
    this.#channels.set(track, channel);
  }
}

/** `$`, channel, 16-bit length (RFC 2326 §10.12). */
export function interleaved(channel: number, packetBytes: number): Buffer {
  return Buffer.from([0x24, channel, packetBytes >>> 8, packetBytes & 0xff]);
}

// One WebRTC client: ICE, DTLS and the keys that come of it, and how long it may take or be silent. What it reads or publishes is its media's business.
import { randomUUID } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { Grant, RemoteAddress } from "#relay/access.ts";
import type { SessionEntry } from "#relay/session-registry.ts";
import type { MakePacketCipher } from "#rtp/srtp/packet-cipher.ts";
import type { SrtpKeys } from "./dtls/endpoint.ts";
import type { DtlsIdentity } from "./dtls/identity.ts";
import { looksLikeDtls } from "./dtls/record.ts";
import { DtlsServer } from "./dtls/server.ts";
import { IceAgent } from "./ice-agent.ts";
import type { IceCredentials, Offer } from "./offer.ts";
import type { PeerPath } from "./peer-path.ts";
import { SecureTransport } from "./secure-transport.ts";

/**
 * A client that is there lets hear of itself every few seconds, by checks (RFC 7675 §5.1) and by reports (RFC 3550 §6.2). A lite agent
 * makes no checks of its own.
 */
const SILENCE_US = 15_000_000;

/** What a session is for. */
export interface SessionMedia {
  /** The client has the keys. */
  begin(transport: SecureTransport): void;
  /** An RTP packet of the client, decrypted: datagram[0 … end). */
  onRtp(datagram: Buffer, end: number): void;
  /** RTCP of the client, decrypted. */
  onRtcp(compound: Buffer): void;
  /** Due about once a second while the client is connected. */
  tick(nowUs: number): void;
  /** By the names of the API's fields. */
  counters(): Readonly<Record<string, number>>;
  close(): void;
}

export interface WebRtcSessionOptions {
  readonly mode: "read" | "publish";
  readonly remote: RemoteAddress;
  readonly userAgent: string;
  readonly path: string;
  readonly query: string;
  readonly grant: Grant;
  readonly offer: Offer;
  readonly identity: DtlsIdentity;
  readonly makeCipher: MakePacketCipher | undefined;
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** `address/port` of this machine on a path. */
  localAddress(path: PeerPath): string;
  /** The names that checks are addressed to have changed. */
  onCredentials(session: WebRtcSession): void;
  /** The client has come. */
  onEstablished(): void;
  /** It is over; nothing of it may be used any more. */
  onClose(session: WebRtcSession): void;
}

export class WebRtcSession implements SessionEntry {
  readonly id: string;
  readonly kind = "webRTCSession";
  readonly created = new Date();
  /** What the client must know to change or end it; nobody else is told. */
  readonly secret = randomUUID();
  readonly state: "read" | "publish";
  readonly remote: RemoteAddress;
  readonly userAgent: string;
  readonly path: string;
  readonly query: string;
  readonly grant: Grant;
  readonly user: string;
  readonly transport = undefined;
  /** What `skippedTracks` tells. */
  skipped: () => readonly string[] = () => [];
  readonly offer: Offer;
  readonly agent: IceAgent;
  readonly #options: WebRtcSessionOptions;
  readonly #log: Log;
  readonly #dtls: DtlsServer;
  readonly #handshakeTimer: NodeJS.Timeout;
  #media: SessionMedia | undefined;
  #secure: SecureTransport | undefined;
  /** Where DTLS last came from: its answers go there. */
  #dtlsPath: PeerPath | undefined;
  #closed = false;
  #inboundBytes = 0;

  constructor(id: string, options: WebRtcSessionOptions) {
    this.#options = options;
    this.id = id;
    this.state = options.mode;
    this.remote = options.remote;
    this.userAgent = options.userAgent;
    this.path = options.path;
    this.query = options.query;
    this.grant = options.grant;
    this.user = options.grant.user;
    this.offer = options.offer;
    this.#log = options.log.child(`session ${id.slice(0, 8)}`);
    this.agent = new IceAgent({
      remote: options.offer.credentials,
      nowUs: () => options.clock.nowUs(),
      onDatagram: (datagram, path) => this.#take(datagram, path),
      onSelected: (path) => {
        if (this.#secure !== undefined) this.#secure.path = path;
      },
    });
    this.#dtls = new DtlsServer({
      identity: options.identity,
      fingerprints: options.offer.fingerprints,
      send: (datagram) => (this.agent.selected ?? this.#dtlsPath)?.send(datagram),
      onConnected: (keys) => this.#onConnected(keys),
      onEnd: (fault) => this.end(fault ?? "the client closed it"),
    });
    this.#handshakeTimer = setTimeout(() => this.#onHandshakeTimeout(), options.handshakeTimeoutMs);
  }

  /** The client has the keys: media may flow. */
  get established(): boolean {
    return this.#secure !== undefined;
  }

  /** Tracks of the path that this client does not get, and why. */
  get skippedTracks(): readonly string[] {
    return this.skipped();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The end of the path that is here, as MediaMTX's API writes it: `host/udp/192.0.2.1/8189`; empty before there is a path. */
  get localCandidate(): string {
    const path = this.agent.selected;
    return path === undefined ? "" : `host/${path.protocol}/${this.#options.localAddress(path)}`;
  }

  /** The client's. */
  get remoteCandidate(): string {
    const path = this.agent.selected;
    return path === undefined ? "" : `prflx/${path.protocol}/${path.address}/${path.port}`;
  }

  /** What it is for; to be set before its answer goes out. */
  serve(media: SessionMedia): void {
    this.#media = media;
  }

  counters(): Readonly<Record<string, number>> {
    return { inboundBytes: this.#inboundBytes, ...this.#media?.counters() };
  }

  /** RFC 8445 §9, as the client asks by PATCH. */
  restartIce(remote: IceCredentials): void {
    this.agent.restart(remote);
    this.#options.onCredentials(this);
  }

  /** Due about once a second. */
  tick(nowUs: number): void {
    if (this.#secure === undefined) return;
    if (nowUs - this.agent.aliveUs > SILENCE_US) this.end("the client is gone");
    else this.#media?.tick(nowUs);
  }

  close(): void {
    this.end("closed");
  }

  /** Idempotent. `reason`: one line for the log. */
  end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#log.info(`is over: ${reason}`);
    clearTimeout(this.#handshakeTimer);
    this.#dtls.close();
    this.#media?.close();
    this.#secure?.close();
    this.agent.close();
    this.#options.onClose(this);
  }

  #take(datagram: Buffer, path: PeerPath): void {
    const first = datagram[0] ?? 0;
    if (looksLikeDtls(datagram)) {
      this.#dtlsPath = path;
      this.#dtls.receive(datagram);
    } else if (first >> 6 === 2 && datagram.length >= 12) this.#takeMedia(datagram);
  }

  /** RFC 5761 §4: RTCP's types look like payload types 64 … 95, which RTP does not use. */
  #takeMedia(datagram: Buffer): void {
    const secure = this.#secure;
    if (secure === undefined) return;
    const payloadType = datagram[1]! & 0x7f;
    if (payloadType >= 64 && payloadType < 96) {
      const compound = secure.openRtcp(datagram);
      if (compound === undefined) return;
      this.#media?.onRtcp(compound);
    } else {
      const end = secure.openRtp(datagram);
      if (end === undefined) return;
      this.#inboundBytes += end;
      this.#media?.onRtp(datagram, end);
    }
    this.agent.aliveUs = this.#options.clock.nowUs();
  }

  #onConnected(keys: SrtpKeys): void {
    clearTimeout(this.#handshakeTimer);
    const path = this.agent.selected ?? this.#dtlsPath!;
    this.#secure = new SecureTransport(path, keys, this.#options.makeCipher);
    this.agent.aliveUs = this.#options.clock.nowUs();
    this.#log.info(
      `is ${this.state === "read" ? "reading from" : "publishing to"} path '${this.path}', over ${path.protocol.toUpperCase()} with ${path.address}:${path.port}`,
    );
    this.#options.onEstablished();
    this.#media?.begin(this.#secure);
  }

  #onHandshakeTimeout(): void {
    const seconds = this.#options.handshakeTimeoutMs / 1000;
    const { complaint } = this.#dtls;
    if (this.agent.paths.size === 0) this.end(`no connection within ${seconds} s: no check of the client came through to the UDP port`);
    else this.end(`no DTLS handshake within ${seconds} s${complaint === undefined ? "" : `; the client said alert ${complaint}`}`);
  }
}

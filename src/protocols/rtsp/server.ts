// The RTSP server: listeners, connections, sessions (RFC 2326).
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "#base/clock.ts";
import type { ConnectionLimits, ConnectionSlot } from "#base/connection-limits.ts";
import { CallerFault } from "#base/errors.ts";
import { EventCounter, eventReportText } from "#base/event-counter.ts";
import type { ListenAddress } from "#base/listen-address.ts";
import type { Log } from "#base/log.ts";
import { openFileLimit } from "#base/open-file-limit.ts";
import { openSrtpLadder } from "#native/srtp-ladder.ts";
import type { RemoteAddress } from "#relay/access.ts";
import type { SessionRegistry } from "#relay/session-registry.ts";
import type { MakePacketCipher } from "#rtp/srtp/packet-cipher.ts";
import { ChannelChoice } from "./channel-variants.ts";
import type { RtspDoor } from "./door.ts";
import { Entrance, type EntranceOptions } from "./entrance.ts";
import type { OpenReplay } from "./replay.ts";
import { ReplayDesk } from "./replay-desk.ts";
import { ServerConnection } from "./server-connection.ts";
import { ServerSession } from "./server-session.ts";
import { listenUdpPair, type UdpPair } from "./udp-pair.ts";

const TICK_MS = 1000;
const BACKLOG_CONNECTIONS = 511;
/** Open files that are left to cameras, recordings and whatever else the process does: a quarter of the system's limit, at least these. */
const MIN_RESERVED_FILES = 64;
const MIN_CONNECTIONS = 16;

export interface RtspServerOptions extends Pick<EntranceOptions, "certificate" | "trustsProxy"> {
  readonly address: ListenAddress;
  readonly tcp: boolean;
  /** Of SRTP where there is a certificate. undefined: no UDP. */
  readonly udp: { readonly rtp: ListenAddress; readonly rtcp: ListenAddress; readonly readBufferBytes: number } | undefined;
  readonly authMethods: readonly ("basic" | "digest")[];
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** A connection that sent no request for this long is closed. */
  readonly handshakeTimeoutMs: number;
  /** Shared with other servers; undefined: none. */
  readonly connectionLimits?: ConnectionLimits | undefined;
  /** Default: what the system's limit of open files allows. */
  readonly maxConnections?: number;
  readonly registry: RtspDoor;
  readonly sessions: SessionRegistry;
  readonly clock: Clock;
  readonly log: Log;
  /** Footage for URLs with `?start=`; undefined: there is none, and such a query means nothing. Read at each request. */
  readonly openReplay?: OpenReplay | undefined;
}

/** What connections and sessions share. */
export interface ServerContext {
  readonly options: RtspServerOptions;
  /** RTSPS. */
  readonly isSecure: boolean;
  /** The best way to compute SRTP; undefined: Node's. */
  readonly makeCipher: MakePacketCipher | undefined;
  readonly tcp: boolean;
  /** Of a secure server: for SRTP. */
  readonly udp: UdpPair | undefined;
  readonly channels: ChannelChoice;
  readonly replays: ReplayDesk | undefined;
  openSession(connection: ServerConnection): ServerSession;
  findSession(id: string): ServerSession | undefined;
  /** Called at every request. */
  onRequest(connection: ServerConnection): void;
  /** Called when one was allowed that not everybody may make. */
  onAllowed(connection: ServerConnection): void;
  onConnectionClosed(connection: ServerConnection): void;
}

export class RtspServer {
  readonly #options: RtspServerOptions;
  readonly #entrance: Entrance;
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();
  /** Those that sent no request yet, oldest first. */
  readonly #silent = new Set<ServerConnection>();
  readonly #slots = new Map<ServerConnection, ConnectionSlot>();
  readonly #maxConnections: number;
  /** Connections that could not be had, told at most once a second. */
  readonly #refused: EventCounter;
  readonly #sessions = new Map<string, ServerSession>();
  readonly #context: ServerContext;
  readonly #udp: UdpPair | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: RtspServerOptions, entrance: Entrance, udp: UdpPair | undefined, makeCipher: MakePacketCipher | undefined) {
    this.#options = options;
    this.#entrance = entrance;
    this.#udp = udp;
    this.#maxConnections = options.maxConnections ?? defaultMaxConnections();
    this.#refused = new EventCounter((report) => options.log.warn(`connections not accepted: ${eventReportText(report)}`));
    this.#server = createServer({ noDelay: true }, (socket) => entrance.enter(socket, (open, remote) => this.#accept(open, remote)));
    const { registry, clock, log, readTimeoutMs } = options;
    const replays = new ReplayDesk({ open: (request) => options.openReplay!(request), registry, clock, log, timeoutMs: readTimeoutMs });
    this.#context = {
      options,
      isSecure: entrance.isSecure,
      makeCipher,
      tcp: options.tcp,
      udp,
      channels: new ChannelChoice(),
      get replays() {
        return options.openReplay && replays;
      },
      openSession: (connection) => this.#openSession(connection),
      findSession: (id) => this.#sessions.get(id),
      onRequest: (connection) => void this.#silent.delete(connection),
      onAllowed: (connection) => this.#slots.get(connection)?.admit(),
      onConnectionClosed: (connection) => this.#onConnectionClosed(connection),
    };
  }

  /** Listens; rejects with the system's error when an address is taken, or with what is wrong with the certificate. */
  static async listen(options: RtspServerOptions): Promise<RtspServer> {
    const entrance = await Entrance.open(options);
    let udp: UdpPair | undefined;
    try {
      udp = options.udp && (await listenUdpPair(options.udp.rtp, options.udp.rtcp, options.udp));
      const makeCipher = entrance.isSecure && udp !== undefined ? (await openSrtpLadder()).makeCipher : undefined;
      const server = new RtspServer(options, entrance, udp, makeCipher);
      await server.#listen();
      return server;
    } catch (error) {
      entrance.close();
      udp?.close();
      throw error;
    }
  }

  /** The port that was bound. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#entrance.close();
    for (const session of [...this.#sessions.values()]) session.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of [...this.#connections]) connection.close();
    this.#udp?.close();
    this.#refused.flush();
    await closed;
  }

  #listen(): Promise<void> {
    const { host, port } = this.#options.address;
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port, backlog: BACKLOG_CONNECTIONS, ...(host !== undefined && { host }) }, () => {
        this.#server.removeListener("error", reject);
        // ENOBUFS and the like at accept: the client that came too many is refused, nobody else feels it.
        this.#server.on("error", (error) => this.#refused.count(error.message));
        resolve();
      });
    });
  }

  /** Strangers that say nothing make room for the next one; clients that spoke keep their place. */
  #accept(socket: Socket, remote: RemoteAddress): void {
    if (this.#connections.size >= this.#maxConnections) {
      const [oldestSilent] = this.#silent;
      this.#refused.count(`${oldestSilent === undefined ? "refused" : "closed before a request"}, ${this.#maxConnections} are open`);
      if (oldestSilent === undefined) {
        socket.destroy();
        return;
      }
      this.#silent.delete(oldestSilent);
      oldestSilent.close();
    }
    const { connectionLimits } = this.#options;
    const slot = connectionLimits?.enter(remote.address, () => socket.destroy());
    if (connectionLimits !== undefined && slot === undefined) {
      this.#refused.count("refused by the limits of connections");
      socket.on("error", () => {}).destroy();
      return;
    }
    const connection = new ServerConnection(socket, remote, this.#context);
    this.#connections.add(connection);
    if (slot !== undefined) this.#slots.set(connection, slot);
    this.#silent.add(connection);
    this.#options.sessions.add(connection);
  }

  #onConnectionClosed(connection: ServerConnection): void {
    this.#connections.delete(connection);
    this.#silent.delete(connection);
    this.#slots.get(connection)?.leave();
    this.#slots.delete(connection);
    this.#options.sessions.remove(connection);
    for (const session of [...this.#sessions.values()]) {
      const overTcp = session.media?.kind === "tcp" && session.media.connection === connection;
      const unfinished = session.phase !== "active" && connection.session === session;
      if (overTcp || unfinished) session.tearDown();
    }
  }

  #openSession(connection: ServerConnection): ServerSession {
    if (!this.#connections.has(connection)) throw new CallerFault("not-found", "the connection was closed meanwhile");
    const { clock, log, registry, readTimeoutMs, writeTimeoutMs } = this.#options;
    const session = new ServerSession({
      kind: this.#context.isSecure ? "rtspsSession" : "rtspSession",
      remote: connection.remote,
      userAgent: connection.userAgent,
      clock,
      log,
      registry,
      readTimeoutMs,
      writeTimeoutMs,
      onClose: (closed, byClient) => this.#onSessionClosed(closed, byClient ? undefined : connection),
    });
    connection.session = session;
    this.#sessions.set(session.id, session);
    this.#options.sessions.add(session);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    return session;
  }

  /** A session that ended by itself takes its connection along: that is how a client learns of it. */
  #onSessionClosed(session: ServerSession, connection: ServerConnection | undefined): void {
    this.#sessions.delete(session.id);
    this.#options.sessions.remove(session);
    for (const one of this.#connections) if (one.session === session) one.session = undefined;
    connection?.close();
    if (this.#sessions.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const nowUs = this.#options.clock.nowUs();
    for (const session of [...this.#sessions.values()]) session.tick(nowUs);
  }
}

function defaultMaxConnections(): number {
  const limit = openFileLimit();
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(MIN_CONNECTIONS, limit - Math.max(MIN_RESERVED_FILES, Math.ceil(limit / 4)));
}

// The WebRTC server: signalling over HTTP, and one UDP port for the media of all clients.
import { HttpServer } from "#http/server.ts";
import { openSrtpLadder } from "#native/srtp-ladder.ts";
import type { MakePacketCipher } from "#rtp/srtp/packet-cipher.ts";
import { candidateText } from "./candidate.ts";
import { type DtlsIdentity, makeIdentity } from "./dtls/identity.ts";
import { addressTowards, hostAddresses } from "./host-addresses.ts";
import { WebRtcHttpHandler } from "./http-handler.ts";
import { IceAgents } from "./ice-agents.ts";
import type { IceCredentials } from "./offer.ts";
import { OfferLimits } from "./offer-limits.ts";
import type { NewSession, WebRtcContext, WebRtcServerOptions } from "./server-context.ts";
import { WebRtcSession } from "./session.ts";
import { StreamHistories } from "./stream-history.ts";
import { openUdpPort, type UdpPort } from "./udp-port.ts";
import { WhepDesk } from "./whep.ts";
import { openWhip } from "./whip.ts";

const TICK_MS = 1000;

/** One for the process: peers know it by the fingerprint of their answer. */
let identity: DtlsIdentity | undefined;

export class WebRtcServer {
  readonly #options: WebRtcServerOptions;
  readonly #agents: IceAgents;
  readonly #udp: UdpPort | undefined;
  readonly #makeCipher: MakePacketCipher | undefined;
  readonly #limits: OfferLimits;
  /** By secret. */
  readonly #sessions = new Map<string, WebRtcSession>();
  #http: HttpServer | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: WebRtcServerOptions, agents: IceAgents, udp: UdpPort | undefined, makeCipher: MakePacketCipher | undefined) {
    this.#options = options;
    this.#agents = agents;
    this.#udp = udp;
    this.#makeCipher = makeCipher;
    this.#limits = new OfferLimits(options.limits, () => options.clock.nowUs());
    identity ??= makeIdentity();
  }

  /** Rejects with the system's error when an address cannot be had; nothing is left open then. */
  static async listen(options: WebRtcServerOptions): Promise<WebRtcServer> {
    const { makeCipher } = await openSrtpLadder();
    const agents = new IceAgents();
    const udp = options.udp && (await openUdpPort({ ...options.udp, agents }));
    const server = new WebRtcServer(options, agents, udp, makeCipher);
    try {
      server.#http = await HttpServer.listen({
        ...options,
        preflight: { methods: "OPTIONS, GET, POST, PATCH, DELETE", headers: "Authorization, Content-Type, If-Match" },
        handle: server.#handler(),
      });
    } catch (error) {
      udp?.close();
      throw error;
    }
    return server;
  }

  /** Of HTTP. */
  get port(): number {
    return this.#http!.port;
  }

  get udpPort(): number | undefined {
    return this.#udp?.port;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const session of [...this.#sessions.values()]) session.close();
    await this.#http?.close();
    for (const session of [...this.#sessions.values()]) session.close();
    this.#udp?.close();
  }

  #handler(): (exchange: Parameters<WebRtcHttpHandler["handle"]>[0]) => Promise<void> {
    const { log } = this.#options;
    const context: WebRtcContext = {
      options: this.#options,
      log,
      histories: new StreamHistories(),
      admitOffer: (address) => this.#limits.admit(address),
      openSession: (id, session, onSettled) => this.#openSession(id, session, onSettled),
      findSession: (secret) => this.#sessions.get(secret),
      transportOf: (credentials) => this.#transportOf(credentials),
    };
    const whep = new WhepDesk(context);
    const handler = new WebRtcHttpHandler(context, {
      whep: (exchange, path, offer) => whep.open(exchange, path, offer),
      whip: (exchange, path, offer) => openWhip(context, exchange, path, offer),
    });
    return (exchange) => handler.handle(exchange);
  }

  #openSession(id: string, fields: NewSession, onSettled: () => void): WebRtcSession {
    const { clock, log, handshakeTimeoutMs, sessions, udp } = this.#options;
    const session = new WebRtcSession(id, {
      ...fields,
      identity: identity!,
      makeCipher: this.#makeCipher,
      handshakeTimeoutMs,
      clock,
      log,
      localAddress: (path) => `${addressTowards(path.address, udp?.address.host)}/${this.#udp?.port ?? 0}`,
      onCredentials: ({ agent }) => this.#agents.register(agent),
      onEstablished: onSettled,
      onClose: (closed) => {
        onSettled();
        this.#agents.remove(closed.agent);
        this.#sessions.delete(closed.secret);
        sessions.remove(closed);
        if (this.#sessions.size > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
    });
    this.#agents.register(session.agent);
    this.#sessions.set(session.secret, session);
    sessions.add(session);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    return session;
  }

  async #transportOf(credentials: IceCredentials) {
    const { addressesFromInterfaces, interfaces, additionalHosts, log, udp } = this.#options;
    const addresses = await hostAddresses({
      fromInterfaces: addressesFromInterfaces,
      interfaces,
      additional: additionalHosts,
      bound: udp?.address.host,
      log,
    });
    const port = this.#udp?.port;
    const candidates = port === undefined ? [] : addresses.map((address, i) => candidateText({ transport: "udp", address, port }, i));
    return { credentials, fingerprint: identity!.fingerprint, candidates };
  }

  #tick(): void {
    const nowUs = this.#options.clock.nowUs();
    for (const session of [...this.#sessions.values()]) session.tick(nowUs);
  }
}

// The WebRTC server: signalling over HTTP, and one UDP port for the media of all clients, or a TCP port for those without UDP.
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
import { TcpPort } from "./tcp-port.ts";
import { openUdpPort, type UdpPort } from "./udp-port.ts";
import { WhepDesk } from "./whep.ts";
import { openWhip } from "./whip.ts";

const TICK_MS = 1000;

/** Either or both. */
interface MediaPorts {
  readonly udp?: UdpPort;
  readonly tcp?: TcpPort;
}

/** One for the process: peers know it by the fingerprint of their answer. */
let identity: DtlsIdentity | undefined;

export class WebRtcServer {
  readonly #options: WebRtcServerOptions;
  readonly #agents: IceAgents;
  readonly #udp: UdpPort | undefined;
  readonly #tcp: TcpPort | undefined;
  readonly #makeCipher: MakePacketCipher | undefined;
  readonly #limits: OfferLimits;
  /** By secret. */
  readonly #sessions = new Map<string, WebRtcSession>();
  #http: HttpServer | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: WebRtcServerOptions, agents: IceAgents, { udp, tcp }: MediaPorts, makeCipher: MakePacketCipher | undefined) {
    this.#options = options;
    this.#agents = agents;
    this.#udp = udp;
    this.#tcp = tcp;
    this.#makeCipher = makeCipher;
    this.#limits = new OfferLimits(options.limits, () => options.clock.nowUs());
    identity ??= makeIdentity();
  }

  /** Rejects with the system's error when an address cannot be had; nothing is left open then. */
  static async listen(options: WebRtcServerOptions): Promise<WebRtcServer> {
    const { makeCipher } = await openSrtpLadder();
    const agents = new IceAgents();
    const ports: { udp?: UdpPort; tcp?: TcpPort } = {};
    try {
      if (options.udp !== undefined) ports.udp = await openUdpPort({ ...options.udp, agents });
      if (options.tcp !== undefined) ports.tcp = await TcpPort.open(options.tcp, agents);
      const server = new WebRtcServer(options, agents, ports, makeCipher);
      server.#http = await HttpServer.listen({
        ...options,
        preflight: { methods: "OPTIONS, GET, POST, PATCH, DELETE", headers: "Authorization, Content-Type, If-Match" },
        handle: server.#handler(),
      });
      return server;
    } catch (error) {
      ports.udp?.close();
      await ports.tcp?.close();
      throw error;
    }
  }

  /** Of HTTP. */
  get port(): number {
    return this.#http!.port;
  }

  get udpPort(): number | undefined {
    return this.#udp?.port;
  }

  get tcpPort(): number | undefined {
    return this.#tcp?.port;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const session of [...this.#sessions.values()]) session.close();
    await this.#http?.close();
    for (const session of [...this.#sessions.values()]) session.close();
    this.#udp?.close();
    await this.#tcp?.close();
  }

  #handler(): (exchange: Parameters<WebRtcHttpHandler["handle"]>[0]) => Promise<void> {
    const { log } = this.#options;
    const context: WebRtcContext = {
      options: this.#options,
      log,
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
    const { clock, log, handshakeTimeoutMs, sessions, udp, tcp } = this.#options;
    const session = new WebRtcSession(id, {
      ...fields,
      identity: identity!,
      makeCipher: this.#makeCipher,
      handshakeTimeoutMs,
      clock,
      log,
      localAddress: ({ protocol, address }) => {
        const [bound, port] = protocol === "udp" ? [udp?.address.host, this.#udp?.port] : [tcp?.host, this.#tcp?.port];
        return `${addressTowards(address, bound)}/${port}`;
      },
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
    const { addressesFromInterfaces: fromInterfaces, interfaces, additionalHosts: additional, log, udp, tcp } = this.#options;
    const candidatesOf = async (transport: "udp" | "tcp", port: number | undefined, bound: string | undefined): Promise<string[]> => {
      if (port === undefined) return [];
      const addresses = await hostAddresses({ fromInterfaces, interfaces, additional, bound, log });
      return addresses.map((address, i) => candidateText({ transport, address, port }, i));
    };
    const candidates = [
      ...(await candidatesOf("udp", this.#udp?.port, udp?.address.host)),
      ...(await candidatesOf("tcp", this.#tcp?.port, tcp?.host)),
    ];
    return { credentials, fingerprint: identity!.fingerprint, candidates };
  }

  #tick(): void {
    const nowUs = this.#options.clock.nowUs();
    for (const session of [...this.#sessions.values()]) session.tick(nowUs);
  }
}

// One connection to a WebRTC server: the port, the checks, DTLS in the role that the answer leaves us, and the keys that come of it.
import type { Clock } from "#base/clock.ts";
import { PeerFault } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { MakePacketCipher } from "#rtp/srtp/packet-cipher.ts";
import { candidateText } from "../candidate.ts";
import { DtlsClient } from "../dtls/client.ts";
import type { DtlsOptions, SrtpKeys } from "../dtls/endpoint.ts";
import { type DtlsIdentity, makeIdentity } from "../dtls/identity.ts";
import { looksLikeDtls } from "../dtls/record.ts";
import { DtlsServer } from "../dtls/server.ts";
import { hostAddresses } from "../host-addresses.ts";
import type { PeerPath } from "../peer-path.ts";
import { SecureTransport } from "../secure-transport.ts";
import type { SessionMedia } from "../session.ts";
import { looksLikeStun, type StunAddress } from "../stun.ts";
import { CheckingAgent } from "./checking-agent.ts";
import type { ClientAnswer } from "./client-answer.ts";
import type { OfferTransport } from "./client-offer.ts";
import { type ClientPort, openClientPort } from "./client-port.ts";
import { ReflexiveAddresses } from "./reflexive-address.ts";

const TICK_MS = 1000;

export interface ClientConnectionOptions {
  readonly handshakeTimeoutMs: number;
  readonly readBufferBytes: number;
  readonly makeCipher: MakePacketCipher | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** It is over. Once, unless it was closed. */
  onEnd(fault: PeerFault): void;
}

/** One for the process, made at the first connection. */
let identity: DtlsIdentity | undefined;

/** Rejects with the system's error where no port can be had. */
export async function openClientConnection(options: ClientConnectionOptions): Promise<ClientConnection> {
  identity ??= makeIdentity();
  return new ClientConnection(options, await openClientPort(options.readBufferBytes));
}

export class ClientConnection {
  readonly #options: ClientConnectionOptions;
  readonly #port: ClientPort;
  readonly #reflexive = new ReflexiveAddresses();
  readonly #agent: CheckingAgent;
  #dtls: DtlsClient | DtlsServer | undefined;
  #dtlsRole: "client" | "server" = "client";
  #secure: SecureTransport | undefined;
  #media: SessionMedia | undefined;
  #handshakeTimer: NodeJS.Timeout | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ClientConnectionOptions, port: ClientPort) {
    this.#options = options;
    this.#port = port;
    this.#agent = new CheckingAgent({
      nowUs: () => options.clock.nowUs(),
      pathTo: (address, remotePort) => port.pathTo(address, remotePort),
      onSelected: (path) => this.#onSelected(path),
      onLost: () => this.#end(new PeerFault("ended", "the server does not answer any more")),
    });
    port.onDatagram((datagram, path) => this.#take(datagram, path));
  }

  /** Where the server is reached; undefined before that is known. */
  get path(): PeerPath | undefined {
    return this.#agent.selected;
  }

  /** What an offer says of the way to us. `stunUrls` are asked for the time at most. */
  async describe(stunUrls: readonly string[], gatherTimeoutMs: number, signal: AbortSignal): Promise<OfferTransport> {
    const { log } = this.#options;
    const [addresses, reflexive] = await Promise.all([
      hostAddresses({ fromInterfaces: true, interfaces: [], additional: [], bound: undefined, log }),
      this.#reflexive.gather(stunUrls, (address, port) => this.#port.pathTo(address, port), gatherTimeoutMs, signal),
    ]);
    const hosts = addresses.map((address, i) => candidateText({ transport: "udp", address, port: this.#port.port }, i));
    return {
      credentials: this.#agent.local,
      fingerprint: identity!.fingerprint,
      candidates: [...hosts, ...reflexive.map((address, i) => reflexiveCandidate(address, i))],
    };
  }

  /** Connects as the answer says; `media` begins once both have the keys. */
  connect(answer: ClientAnswer, media: SessionMedia): void {
    const { handshakeTimeoutMs } = this.#options;
    this.#media = media;
    this.#dtlsRole = answer.dtls;
    const dtlsOptions: DtlsOptions = {
      identity: identity!,
      fingerprints: answer.fingerprints,
      send: (datagram) => this.#agent.selected?.send(datagram),
      onConnected: (keys) => this.#onConnected(keys),
      onEnd: (fault) => this.#end(fault === undefined ? new PeerFault("ended", "the server closed it") : new PeerFault("protocol", fault)),
    };
    this.#dtls = answer.dtls === "client" ? new DtlsClient(dtlsOptions) : new DtlsServer(dtlsOptions);
    this.#handshakeTimer = setTimeout(() => this.#onHandshakeTimeout(), handshakeTimeoutMs);
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#agent.begin(answer.credentials, answer.candidates);
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#handshakeTimer);
    clearInterval(this.#ticker);
    this.#dtls?.close();
    this.#agent.close();
    this.#media?.close();
    this.#secure?.close();
    this.#port.close();
  }

  #end(fault: PeerFault): void {
    if (this.#closed) return;
    this.close();
    this.#options.onEnd(fault);
  }

  #tick(): void {
    const nowUs = this.#options.clock.nowUs();
    this.#agent.tick(nowUs);
    if (this.#secure !== undefined) this.#media?.tick(nowUs);
  }

  /** Whatever else than checks comes from another address than the server's is a stranger's. */
  #take(datagram: Buffer, path: PeerPath): void {
    if (this.#closed) return;
    if (looksLikeStun(datagram)) {
      if (!this.#reflexive.onStun(datagram)) this.#agent.onStun(datagram, path);
    } else if (path !== this.#agent.selected) return;
    else if (looksLikeDtls(datagram)) this.#dtls?.receive(datagram);
    else if (datagram.length >= 12 && datagram[0]! >> 6 === 2) this.#takeMedia(datagram);
  }

  /** RFC 5761 §4: RTCP's types look like payload types 64 … 95, which RTP does not use. */
  #takeMedia(datagram: Buffer): void {
    const secure = this.#secure;
    if (secure === undefined) return;
    const payloadType = datagram[1]! & 0x7f;
    if (payloadType >= 64 && payloadType < 96) {
      const compound = secure.openRtcp(datagram);
      if (compound !== undefined) this.#media!.onRtcp(compound);
      return;
    }
    const end = secure.openRtp(datagram);
    if (end !== undefined) this.#media!.onRtp(datagram, end);
  }

  #onSelected(path: PeerPath): void {
    if (this.#secure !== undefined) this.#secure.path = path;
    else if (this.#dtls instanceof DtlsClient) this.#dtls.start();
  }

  #onConnected(keys: SrtpKeys): void {
    clearTimeout(this.#handshakeTimer);
    this.#secure = new SecureTransport(this.#agent.selected!, keys, this.#options.makeCipher);
    this.#media!.begin(this.#secure);
  }

  #onHandshakeTimeout(): void {
    const seconds = this.#options.handshakeTimeoutMs / 1000;
    const { selected, tried } = this.#agent;
    if (tried === 0) this.#end(new PeerFault("unsupported", "the server's answer has no candidate over UDP with an address"));
    else if (selected === undefined) {
      this.#end(new PeerFault("timeout", `no connection within ${seconds} s: none of the server's ${tried} UDP addresses answered`));
    } else {
      const complaint = this.#dtls?.complaint;
      const said = complaint === undefined ? "" : `; the server said alert ${complaint}`;
      this.#end(new PeerFault("timeout", `no DTLS handshake within ${seconds} s, as its ${this.#dtlsRole}${said}`));
    }
  }
}

/** RFC 8839 §5.1; what it was made from is nobody's business. */
function reflexiveCandidate({ address, port }: StunAddress, index: number): string {
  const priority = 100 * 2 ** 24 + ((65_535 - index) << 8) + 255; // RFC 8445 §5.1.2.2: 100 for server-reflexive ones
  const any = address.includes(":") ? "::" : "0.0.0.0";
  return `9${index} 1 udp ${priority} ${address} ${port} typ srflx raddr ${any} rport 0`;
}

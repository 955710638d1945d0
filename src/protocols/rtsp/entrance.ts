// What a TCP connection to our RTSP server passes before it speaks RTSP: the header of a trusted proxy, then TLS.
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { plainAddress } from "#base/listen-address.ts";
import type { Log } from "#base/log.ts";
import { Certificate, type CertificateFiles } from "#http/certificate.ts";
import { takeProxyHeader } from "#http/proxied-socket.ts";
import type { RemoteAddress } from "#relay/access.ts";

export interface EntranceOptions {
  /** RTSPS; undefined: plain RTSP. */
  readonly certificate?: CertificateFiles | undefined;
  /** Peers whose PROXY header counts; undefined: nobody's. */
  readonly trustsProxy?: ((address: string) => boolean) | undefined;
  /** How long the header of a proxy may take. */
  readonly handshakeTimeoutMs: number;
  readonly log: Log;
}

export class Entrance {
  readonly #options: EntranceOptions;
  readonly #certificate: Certificate | undefined;
  #context: SecureContext | undefined;
  /** Sockets of proxies whose header has not come yet. */
  readonly #waiting = new Set<Socket>();

  private constructor(options: EntranceOptions, certificate: Certificate | undefined) {
    this.#options = options;
    this.#certificate = certificate;
    certificate?.serve({
      setSecureContext: (pair) => {
        this.#context = createSecureContext(pair);
      },
    });
  }

  /** Rejects with what is wrong with the certificate. */
  static async open(options: EntranceOptions): Promise<Entrance> {
    const { certificate, log } = options;
    return new Entrance(options, certificate && (await Certificate.open({ ...certificate, log })));
  }

  get isSecure(): boolean {
    return this.#certificate !== undefined;
  }

  /** Calls `take` with the connection to speak RTSP on and who is at its other end; a handshake that fails ends it later. */
  enter(socket: Socket, take: (socket: Socket, remote: RemoteAddress) => void): void {
    const direct = { address: plainAddress(socket.remoteAddress ?? ""), port: socket.remotePort ?? 0 };
    const { trustsProxy, handshakeTimeoutMs, log } = this.#options;
    if (trustsProxy?.(direct.address) !== true) {
      take(this.#secured(socket), direct);
      return;
    }
    this.#waiting.add(socket);
    socket.once("close", () => this.#waiting.delete(socket));
    takeProxyHeader(socket, handshakeTimeoutMs).then(
      (client) => {
        this.#waiting.delete(socket);
        take(this.#secured(socket), client ?? direct);
      },
      (error: Error) => {
        log.info(`proxy ${direct.address}: ${error.message}`);
        socket.on("error", () => {}).destroy();
      },
    );
  }

  close(): void {
    this.#certificate?.close();
    for (const socket of this.#waiting) socket.destroy();
  }

  #secured(socket: Socket): Socket {
    if (this.#context === undefined) return socket;
    const secure = new TLSSocket(socket, { isServer: true, secureContext: this.#context });
    // What ends the connection below before TLS is there ends it above.
    socket.on("error", (error) => secure.destroy(error)).on("close", () => secure.destroy());
    return secure;
  }
}

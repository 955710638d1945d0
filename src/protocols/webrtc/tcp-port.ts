// The TCP port for clients without a way over UDP (RFC 6544): each connection is one path, and begins with a check of a session that is there.
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type ListenAddress, plainAddress } from "#base/listen-address.ts";
import type { PacketSlab } from "#native/send-plan.ts";
import { FrameReader, frame, frameAll } from "./framed.ts";
import type { IceAgent } from "./ice-agent.ts";
import type { IceAgents } from "./ice-agents.ts";
import type { PeerPath } from "./peer-path.ts";
import { looksLikeStun } from "./stun.ts";

/** A connection that no session expects is closed after so long. */
const CHECK_TIMEOUT_MS = 5000;
const MAX_CONNECTIONS = 256;
/** More than the open GOP of any stream. What a client has not taken of this much is not added to: checks and reports are dropped. */
const MAX_PENDING_BYTES = 12 << 20;

class TcpPath implements PeerPath {
  readonly protocol = "tcp";
  readonly address: string;
  readonly port: number;
  readonly agent: IceAgent;
  readonly #socket: Socket;

  constructor(socket: Socket, agent: IceAgent) {
    this.#socket = socket;
    this.agent = agent;
    this.address = plainAddress(socket.remoteAddress ?? "");
    this.port = socket.remotePort ?? 0;
  }

  send(datagram: Buffer): void {
    this.#write(frame(datagram));
  }

  sendBurst(slab: PacketSlab): boolean {
    this.#write(frameAll(slab));
    return true;
  }

  pendingBytes(): number {
    return this.#socket.writableLength;
  }

  close(): void {
    this.#socket.end();
  }

  #write(bytes: Buffer): void {
    if (this.#socket.writable && this.#socket.writableLength < MAX_PENDING_BYTES) this.#socket.write(bytes);
  }
}

export class TcpPort {
  readonly #server: Server;
  readonly #agents: IceAgents;
  readonly #sockets = new Set<Socket>();

  private constructor(agents: IceAgents) {
    this.#agents = agents;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Rejects with the system's error when the address cannot be had. */
  static async open({ host, port }: ListenAddress, agents: IceAgents): Promise<TcpPort> {
    const tcp = new TcpPort(agents);
    await new Promise<void>((resolve, reject) => {
      tcp.#server.once("error", reject).listen({ port, ...(host !== undefined && { host }) }, () => {
        tcp.#server.off("error", reject);
        tcp.#server.on("error", () => {}); // a client that could not be accepted: nobody else feels it
        resolve();
      });
    });
    return tcp;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroySoon(); // what was said last still leaves
    await closed;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const reader = new FrameReader();
    let path: TcpPath | undefined;
    const timer = setTimeout(() => socket.destroy(), CHECK_TIMEOUT_MS);
    const take = (datagram: Buffer): void => {
      if (looksLikeStun(datagram)) {
        this.#agents.onStun(datagram, (agent) => {
          clearTimeout(timer);
          if (path === undefined || path.agent !== agent) path = new TcpPath(socket, agent);
          return path;
        });
      } else if (path === undefined) socket.destroy();
      else path.agent.receive(datagram, path);
    };
    socket.on("data", (chunk: Buffer) => {
      if (!reader.push(chunk, take)) socket.destroy();
    });
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
      if (path !== undefined) path.agent.lost(path);
    });
  }
}

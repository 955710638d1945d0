// The UDP port of all sessions: STUN finds its session by name, everything else by the address that a check came from (RFC 7983).
import { isIP } from "node:net";
import { type ListenAddress, plainAddress } from "#base/listen-address.ts";
import type { PacketSlab } from "#native/send-plan.ts";
import { type DatagramDestination, openUdpSocket, type UdpSocket } from "#native/udp-socket.ts";
import type { IceAgent } from "./ice-agent.ts";
import type { IceAgents } from "./ice-agents.ts";
import type { PeerPath } from "./peer-path.ts";
import { looksLikeStun } from "./stun.ts";

export interface UdpPortOptions {
  readonly address: ListenAddress;
  /** 0: the system's default. */
  readonly readBufferBytes: number;
  readonly agents: IceAgents;
}

/** Rejects with the system's error. Without a host it takes every address: IPv6 with IPv4 in it, or IPv4 alone where the kernel has no IPv6. */
export async function openUdpPort({ address: { host, port }, readBufferBytes, agents }: UdpPortOptions): Promise<UdpPort> {
  const open = (family: "udp4" | "udp6"): Promise<UdpSocket> => openUdpSocket({ family, host, port, readBufferBytes });
  if (host !== undefined) return new UdpPort(await open(isIP(host) === 6 ? "udp6" : "udp4"), agents);
  try {
    return new UdpPort(await open("udp6"), agents);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAFNOSUPPORT") throw error;
    return new UdpPort(await open("udp4"), agents);
  }
}

class UdpPath implements PeerPath {
  readonly protocol = "udp";
  readonly address: string;
  readonly port: number;
  readonly agent: IceAgent;
  readonly to: DatagramDestination;
  readonly #udpPort: UdpPort;

  constructor(udpPort: UdpPort, agent: IceAgent, to: DatagramDestination) {
    this.#udpPort = udpPort;
    this.agent = agent;
    this.to = to;
    this.address = plainAddress(to.address);
    this.port = to.port;
  }

  send(datagram: Buffer): void {
    this.#udpPort.socket.dgram.send(datagram, this.to.port, this.to.address);
  }

  sendBurst(slab: PacketSlab): boolean {
    return this.#udpPort.socket.sendBurst(slab, 0, this.to);
  }

  pendingBytes(): number {
    return 0;
  }

  close(): void {
    this.#udpPort.forget(this);
  }
}

export class UdpPort {
  readonly socket: UdpSocket;
  /** Datagrams from addresses that passed no check. */
  strangers = 0;
  readonly #agents: IceAgents;
  /** By port: addresses of one port are few. */
  readonly #paths = new Map<number, UdpPath[]>();

  constructor(socket: UdpSocket, agents: IceAgents) {
    this.socket = socket;
    this.#agents = agents;
    socket.onDatagram((bytes, address, port) => this.#take(bytes, address, port));
  }

  get port(): number {
    return this.socket.dgram.address().port;
  }

  forget(path: UdpPath): void {
    const paths = this.#paths.get(path.port);
    const at = paths?.indexOf(path) ?? -1;
    if (paths === undefined || at < 0) return;
    paths.splice(at, 1);
    if (paths.length === 0) this.#paths.delete(path.port);
  }

  close(): void {
    this.socket.close();
  }

  #take(bytes: Buffer, address: string, port: number): void {
    if (looksLikeStun(bytes)) {
      this.#agents.onStun(bytes, (agent) => this.#pathFor(agent, address, port));
      return;
    }
    const path = this.#find(address, port);
    if (path === undefined) this.strangers++;
    else path.agent.receive(bytes, path);
  }

  #find(address: string, port: number): UdpPath | undefined {
    return this.#paths.get(port)?.find(({ to }) => to.address === address);
  }

  /** A client that opens another session from the same port has left the one before. */
  #pathFor(agent: IceAgent, address: string, port: number): UdpPath {
    const known = this.#find(address, port);
    if (known?.agent === agent) return known;
    if (known !== undefined) this.forget(known);
    const path = new UdpPath(this, agent, this.socket.destination(address, port));
    const paths = this.#paths.get(port);
    if (paths === undefined) this.#paths.set(port, [path]);
    else paths.push(path);
    return path;
  }
}

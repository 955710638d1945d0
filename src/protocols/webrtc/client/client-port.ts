// The UDP port of one session in which we are the client: everything that comes to it is that session's.
import { isIP } from "node:net";
import { plainAddress } from "#base/listen-address.ts";
import type { PacketSlab } from "#native/send-plan.ts";
import type { UdpFamily } from "#native/socket-address.ts";
import { type DatagramDestination, openUdpSocket, type UdpSocket } from "#native/udp-socket.ts";
import type { PeerPath } from "../peer-path.ts";

/** Addresses that are remembered; strangers cannot make it grow. */
const MAX_PATHS = 64;

/** Rejects with the system's error. IPv6 with IPv4 in it, or IPv4 alone where the kernel has no IPv6. */
export async function openClientPort(readBufferBytes: number): Promise<ClientPort> {
  const open = (family: UdpFamily): Promise<UdpSocket> => openUdpSocket({ family, host: undefined, port: 0, readBufferBytes });
  try {
    return new ClientPort(await open("udp6"), "udp6");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAFNOSUPPORT") throw error;
    return new ClientPort(await open("udp4"), "udp4");
  }
}

class ClientPath implements PeerPath {
  readonly protocol = "udp";
  readonly address: string;
  readonly port: number;
  readonly #socket: UdpSocket;
  readonly #to: DatagramDestination;

  constructor(socket: UdpSocket, to: DatagramDestination) {
    this.#socket = socket;
    this.#to = to;
    this.address = plainAddress(to.address);
    this.port = to.port;
  }

  send(datagram: Buffer): void {
    this.#socket.dgram.send(datagram, this.#to.port, this.#to.address);
  }

  sendBurst(slab: PacketSlab): boolean {
    return this.#socket.sendBurst(slab, 0, this.#to);
  }

  pendingBytes(): number {
    return 0;
  }

  close(): void {}
}

export class ClientPort {
  readonly #socket: UdpSocket;
  readonly #family: UdpFamily;
  /** By address and port. */
  readonly #paths = new Map<string, PeerPath>();
  #closed = false;

  constructor(socket: UdpSocket, family: UdpFamily) {
    this.#socket = socket;
    this.#family = family;
  }

  get port(): number {
    return this.#socket.dgram.address().port;
  }

  /** To be called once. */
  onDatagram(handler: (bytes: Buffer, path: PeerPath) => void): void {
    this.#socket.onDatagram((bytes, address, port) => handler(bytes, this.#path(address, port)));
  }

  /** The way to an address; undefined: this port has none, such as to IPv6 on a kernel without it. */
  pathTo(address: string, port: number): PeerPath | undefined {
    const isV4 = isIP(address) === 4;
    if (this.#family === "udp4") return isV4 ? this.#path(address, port) : undefined;
    return this.#path(isV4 ? `::ffff:${address}` : address, port);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #path(address: string, port: number): PeerPath {
    const key = `${address} ${port}`;
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    const path = new ClientPath(this.#socket, this.#socket.destination(address, port));
    if (this.#paths.size < MAX_PATHS) this.#paths.set(key, path);
    return path;
  }
}

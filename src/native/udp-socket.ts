// A UDP socket that sends whole frames and takes bursts through the C library where it can, through dgram where it cannot.
import { createSocket, type Socket } from "node:dgram";
import type { DatagramHandler } from "./batch-receiver.ts";
import type { BatchDestination } from "./batch-sender.ts";
import { adoptDescriptor, bindDescriptor } from "./bind-descriptor.ts";
import { type Ladder, type NativeUdp, openLadder } from "./ladder.ts";
import type { PacketSlab } from "./send-plan.ts";
import { type UdpFamily, writeSocketAddress } from "./socket-address.ts";

/** dgram keeps what the kernel has no room for; beyond this, packets are dropped. */
const MAX_QUEUED_BYTES = 1024 * 1024;
/** Datagrams at most that are taken singly after looking for more was in vain. */
const MAX_SINGLES = 31;

export interface UdpSocketOptions {
  readonly family: UdpFamily;
  /** undefined: every address; a udp6 socket then takes IPv4 too. */
  readonly host: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  /** 0: the system's default. */
  readonly readBufferBytes: number;
}

/** Where bursts go; made once for all of them. */
export interface DatagramDestination {
  /** A literal of the socket's family. */
  readonly address: string;
  readonly port: number;
  /** undefined: dgram serves it. */
  readonly native: BatchDestination | undefined;
}

/** A bound socket. Rejects with the system's error. `ladder`: the process's own if none is given. */
export async function openUdpSocket(options: UdpSocketOptions, ladder?: Ladder): Promise<UdpSocket> {
  const { native } = ladder ?? (await openLadder());
  return (native && adoptedSocket(options, native)) ?? (await plainSocket(options));
}

function adoptedSocket(options: UdpSocketOptions, native: NativeUdp): UdpSocket | undefined {
  const { family, host, port } = options;
  const fd = bindDescriptor(native.libc, family, host, port);
  if (fd === undefined) return undefined;
  const socket = newSocket(options);
  return adoptDescriptor(native.libc, socket, fd) ? new UdpSocket(socket, family, { ...native, fd }) : undefined;
}

function plainSocket(options: UdpSocketOptions): Promise<UdpSocket> {
  const { family, host, port } = options;
  const socket = newSocket(options);
  return new Promise((resolve, reject) => {
    socket.once("error", (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port, ...(host !== undefined && { address: host }) }, () => {
      socket.removeAllListeners("error");
      resolve(new UdpSocket(socket, family, undefined));
    });
  });
}

function newSocket({ family, readBufferBytes }: UdpSocketOptions): Socket {
  return createSocket({
    type: family,
    ...(readBufferBytes > 0 && { recvBufferSize: readBufferBytes }),
    // Destinations are literals: answering at once keeps sends off the thread pool and in order.
    lookup: (address, _options, callback) => callback(null, address, family === "udp4" ? 4 : 6),
  });
}

export class UdpSocket {
  /** Sends single datagrams. What arrives is told by `onDatagram` alone; `close` of this object closes it. */
  readonly dgram: Socket;
  /** Packets of bursts that were dropped: refused by the system, or more than it takes. */
  unsentPackets = 0;
  readonly #family: UdpFamily;
  readonly #native: (NativeUdp & { readonly fd: number }) | undefined;
  #closed = false;
  /** dgram may still hold packets that the kernel had no room for. */
  #queued = false;
  /** Datagrams to take before looking for more again, and how many that was the last time. */
  #singlesLeft = 0;
  #singles = 0;

  constructor(dgram: Socket, family: UdpFamily, native: (NativeUdp & { readonly fd: number }) | undefined) {
    this.dgram = dgram;
    this.#family = family;
    this.#native = native;
    // A send error belongs to one destination: it is counted, and the socket goes on.
    dgram.on("error", () => {});
  }

  /** The handler owns the bytes. To be called once. */
  onDatagram(handler: DatagramHandler): void {
    const whileOpen: DatagramHandler = (bytes, address, port) => {
      if (!this.#closed) handler(bytes, address, port);
    };
    this.dgram.on("message", (bytes, from) => {
      whileOpen(bytes, from.address, from.port);
      this.#receiveMore(whileOpen);
    });
  }

  destination(address: string, port: number): DatagramDestination {
    const socketAddress = this.#native && writeSocketAddress(this.#native.libc, this.#family, address, port);
    return { address, port, native: socketAddress && { socketAddress, segmented: this.#native!.segmented } };
  }

  /**
   * Each packet as a datagram, in order. Never throws or blocks; what cannot leave is counted. True: the kernel has all of it, and the slab's bytes may be
   * used for something else; false: they must not change any more.
   */
  sendBurst(slab: PacketSlab, headBytes: number, to: DatagramDestination): boolean {
    let next = 0;
    if (this.#closed || to.port === 0) {
      this.unsentPackets += slab.count;
      return true;
    }
    if (this.#native !== undefined && to.native !== undefined && !this.#isQueued()) {
      const outcome = this.#native.sender.send(this.#native.fd, slab, headBytes, to.native);
      this.unsentPackets += outcome.refused;
      next = outcome.next;
    }
    if (next >= slab.count) return true;
    this.#sendSingly(slab, headBytes, to, next);
    return false;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.dgram.close();
  }

  /** dgram waits for room in the kernel; what comes behind goes the same way until then, to keep the order. */
  #isQueued(): boolean {
    if (this.#queued) this.#queued = this.dgram.getSendQueueCount() > 0;
    return this.#queued;
  }

  #sendSingly({ bytes, offsets, count }: PacketSlab, headBytes: number, { address, port }: DatagramDestination, first: number): void {
    if (this.dgram.getSendQueueSize() > MAX_QUEUED_BYTES) {
      this.unsentPackets += count - first;
      return;
    }
    for (let i = first; i < count; i++) {
      const start = offsets[i]! + headBytes;
      this.dgram.send(bytes, start, offsets[i + 1]! - start, port, address, this.#onSent);
    }
    this.#queued = true;
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.unsentPackets++;
  };

  /** dgram's event is the wake-up. Packets that come one at a time are not worth a second look at each. */
  #receiveMore(handler: DatagramHandler): void {
    if (this.#native === undefined || this.#closed) return;
    if (this.#singlesLeft > 0) {
      this.#singlesLeft--;
      return;
    }
    const more = this.#native.receiver.receive(this.#native.fd, handler);
    this.#singles = more > 0 ? 0 : Math.min(this.#singles * 2 + 1, MAX_SINGLES);
    this.#singlesLeft = this.#singles;
  }
}

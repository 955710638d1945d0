// Two UDP sockets, one for RTP and one for RTCP, and who gets what arrives.
import type { Socket } from "node:dgram";
import { isIP } from "node:net";
import { errorText, PeerFault } from "#base/errors.ts";
import { type ListenAddress, plainAddress } from "#base/listen-address.ts";
import { type DatagramDestination, openUdpSocket, type UdpSocket } from "#native/udp-socket.ts";
import { FRAMING_BYTES, type PacketBurst } from "#rtp/burst.ts";

export type DatagramHandler = (bytes: Buffer) => void;

interface Peer {
  readonly address: string;
  readonly handler: DatagramHandler;
}

/** One socket. Datagrams of peers that nobody expects are counted and dropped. */
export class UdpPort {
  /** For single datagrams. */
  readonly socket: Socket;
  readonly #udp: UdpSocket;
  readonly #isV4: boolean;
  /** Datagrams from strangers. */
  strangers = 0;
  readonly #peers = new Map<number, Peer[]>();
  /** Takes datagrams from every port of its address. */
  readonly #anyPort: Peer[] = [];

  constructor(udp: UdpSocket) {
    this.#udp = udp;
    this.socket = udp.dgram;
    this.#isV4 = udp.dgram.address().family === "IPv4";
    udp.onDatagram((bytes, address, port) => this.#dispatch(bytes, address, port));
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** The address as this socket's family writes it: IPv4 through an IPv6 socket is IPv4-mapped (RFC 4291 §2.5.5.2). */
  addressFor(address: string): string {
    return this.#isV4 ? plainAddress(address) : isIP(address) === 4 ? `::ffff:${address}` : address;
  }

  /** Expects datagrams from `address`; `port` undefined: from any of its ports. Returns the function that stops it. */
  expect(address: string, port: number | undefined, handler: DatagramHandler): () => void {
    const peer: Peer = { address: this.addressFor(address), handler };
    const list = port === undefined ? this.#anyPort : (this.#peers.get(port) ?? []);
    if (port !== undefined) this.#peers.set(port, list);
    list.push(peer);
    return () => {
      list.splice(list.indexOf(peer), 1);
      if (port !== undefined && list.length === 0) this.#peers.delete(port);
    };
  }

  /** For `sendBurst`; `address` in the form of `addressFor`. */
  destination(address: string, port: number): DatagramDestination {
    return this.#udp.destination(address, port);
  }

  /** Every packet of a frame as a datagram, in order, without the framing that stands before each in the burst. What the system does not take is dropped: the peer's session ends by its own timeout. */
  sendBurst(burst: PacketBurst, to: DatagramDestination, framingBytes = FRAMING_BYTES): void {
    this.#udp.sendBurst(burst, framingBytes, to);
  }

  close(): void {
    this.#udp.close();
  }

  #dispatch(bytes: Buffer, address: string, port: number): void {
    const peer = this.#peers.get(port)?.find((one) => one.address === address) ?? this.#anyPort.find((one) => one.address === address);
    if (peer === undefined) this.strangers++;
    else peer.handler(bytes);
  }
}

export interface UdpPair {
  readonly rtp: UdpPort;
  readonly rtcp: UdpPort;
  close(): void;
}

export interface UdpOptions {
  /** Bytes; 0: the system's default. */
  readonly readBufferBytes: number;
}

/** A listening pair. Rejects with the system's error. */
export async function listenUdpPair(rtp: ListenAddress, rtcp: ListenAddress, options: UdpOptions): Promise<UdpPair> {
  const first = await bindUdp(rtp.host, rtp.port, options);
  try {
    const second = await bindUdp(rtcp.host, rtcp.port, options);
    return pairOf(first, second);
  } catch (error) {
    first.close();
    throw error;
  }
}

/** Tries per session: the range may be in use in part. */
const MAX_TRIES = 64;

/** A pair on neighbouring ports of `range`, the RTP port even (RFC 3550 §11), for talking to `peerAddress`. Throws a PeerFault `limit`. */
export async function openUdpPair(
  peerAddress: string,
  range: readonly [number, number],
  random: () => number,
  options: UdpOptions,
): Promise<UdpPair> {
  const host = isIP(plainAddress(peerAddress).split("%")[0]!) === 6 ? "::" : "0.0.0.0";
  const firstEven = range[0] + (range[0] % 2);
  const pairs = Math.floor((range[1] - firstEven + 1) / 2);
  let lastError: unknown = new Error("the range holds no pair of ports");
  const offset = Math.floor(random() * Math.max(pairs, 1));
  for (let i = 0; i < Math.min(pairs, MAX_TRIES); i++) {
    const port = firstEven + 2 * ((offset + i) % pairs);
    try {
      return await listenUdpPair({ host, port }, { host, port: port + 1 }, options);
    } catch (error) {
      lastError = error;
    }
  }
  throw new PeerFault("limit", `no free pair of UDP ports in ${range[0]}-${range[1]}: ${errorText(lastError)}`);
}

function pairOf(rtp: UdpPort, rtcp: UdpPort): UdpPair {
  return {
    rtp,
    rtcp,
    close: () => {
      rtp.close();
      rtcp.close();
    },
  };
}

/** On every address: IPv6 with IPv4 in it, or IPv4 alone where the kernel has no IPv6. */
async function bindUdp(host: string | undefined, port: number, options: UdpOptions): Promise<UdpPort> {
  if (host !== undefined) return bindFamily(isIP(host) === 4 ? "udp4" : "udp6", host, port, options);
  try {
    return await bindFamily("udp6", undefined, port, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAFNOSUPPORT") throw error;
    return bindFamily("udp4", undefined, port, options);
  }
}

async function bindFamily(family: "udp4" | "udp6", host: string | undefined, port: number, options: UdpOptions): Promise<UdpPort> {
  return new UdpPort(await openUdpSocket({ family, host, port, readBufferBytes: options.readBufferBytes }));
}

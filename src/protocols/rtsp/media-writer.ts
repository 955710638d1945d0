// How RTP and RTCP leave for one RTSP reader: interleaved in its TCP connection (RFC 2326 §10.12) or as datagrams.
import type { Socket as UdpSocket } from "node:dgram";
import type { Socket as TcpSocket } from "node:net";
import { FRAMING_BYTES, type PacketBurst } from "#rtp/burst.ts";
import { onChannel } from "./channel-variants.ts";

export interface MediaWriter {
  /** Bytes handed over that the peer has not taken. */
  pendingBytes(): number;
  writeBurst(trackIndex: number, burst: PacketBurst): void;
  writeRtcp(trackIndex: number, bytes: Buffer): void;
  /** What follows is the open GOP, until `endBacklog`. */
  beginBacklog(): void;
  endBacklog(): void;
  close(): void;
}

/** Channels by track index: RTP on the first, RTCP on the one above. */
export class TcpMediaWriter implements MediaWriter {
  readonly #socket: TcpSocket;
  readonly #channels: ReadonlyMap<number, number>;

  constructor(socket: TcpSocket, channels: ReadonlyMap<number, number>) {
    this.#socket = socket;
    this.#channels = channels;
  }

  pendingBytes(): number {
    return this.#socket.writableLength;
  }

  /** One write for the whole frame; the slab is shared by every reader on the same channel. */
  writeBurst(trackIndex: number, burst: PacketBurst): void {
    const channel = this.#channels.get(trackIndex)!;
    this.#socket.write(channel === trackIndex * 2 ? burst.bytes : onChannel(burst, channel));
  }

  writeRtcp(trackIndex: number, bytes: Buffer): void {
    const framed = Buffer.allocUnsafe(FRAMING_BYTES + bytes.length);
    framed[0] = 0x24; // '$'
    framed[1] = this.#channels.get(trackIndex)! + 1;
    framed.writeUInt16BE(bytes.length, 2);
    bytes.copy(framed, FRAMING_BYTES);
    this.#socket.write(framed);
  }

  /** The backlog leaves in as few system calls as its size allows. */
  beginBacklog(): void {
    this.#socket.cork();
  }

  endBacklog(): void {
    this.#socket.uncork();
  }

  close(): void {}
}

export interface UdpDestination {
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
}

/** Packets of a backlog that leave per millisecond: a receive buffer of ordinary size keeps up. */
const PACED_PACKETS_PER_MS = 24;

/** Destinations by track index. */
export class UdpMediaWriter implements MediaWriter {
  readonly #rtp: UdpSocket;
  readonly #rtcp: UdpSocket;
  readonly #destinations: ReadonlyMap<number, UdpDestination>;
  /** The backlog, and what came behind it, until it has left. */
  #paced: { readonly trackIndex: number; readonly burst: PacketBurst }[] | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(rtp: UdpSocket, rtcp: UdpSocket, destinations: ReadonlyMap<number, UdpDestination>) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.#destinations = destinations;
  }

  pendingBytes(): number {
    return 0;
  }

  writeBurst(trackIndex: number, burst: PacketBurst): void {
    if (this.#paced !== undefined) this.#paced.push({ trackIndex, burst });
    else this.#send(trackIndex, burst);
  }

  writeRtcp(trackIndex: number, bytes: Buffer): void {
    const { address, rtcpPort } = this.#destinations.get(trackIndex)!;
    this.#rtcp.send(bytes, rtcpPort, address);
  }

  beginBacklog(): void {
    this.#paced = [];
  }

  endBacklog(): void {
    this.#sendPaced();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#paced = undefined;
  }

  #sendPaced(): void {
    const paced = this.#paced;
    if (paced === undefined) return;
    let sent = 0;
    let done = 0;
    while (done < paced.length && sent < PACED_PACKETS_PER_MS) {
      const { trackIndex, burst } = paced[done++]!;
      this.#send(trackIndex, burst);
      sent += burst.count;
    }
    paced.splice(0, done);
    if (paced.length === 0) this.#paced = undefined;
    else this.#timer = setTimeout(() => this.#sendPaced(), Math.ceil(sent / PACED_PACKETS_PER_MS));
  }

  #send(trackIndex: number, burst: PacketBurst): void {
    const { address, rtpPort } = this.#destinations.get(trackIndex)!;
    const { bytes, offsets, count } = burst;
    for (let i = 0; i < count; i++) {
      const start = offsets[i]! + FRAMING_BYTES;
      this.#rtp.send(bytes, start, offsets[i + 1]! - start, rtpPort, address);
    }
  }
}

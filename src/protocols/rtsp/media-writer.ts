// How RTP and RTCP leave for one RTSP reader: interleaved in its TCP connection (RFC 2326 §10.12) or as datagrams.
import type { Socket } from "node:net";
import type { DatagramDestination } from "#native/udp-socket.ts";
import { FRAMING_BYTES, type PacketBurst } from "#rtp/burst.ts";
import { onChannel } from "./channel-variants.ts";
import type { SecureTrack } from "./secure-track.ts";
import type { UdpPair } from "./udp-pair.ts";

export interface MediaWriter {
  /** Bytes handed over that the peer has not taken. */
  pendingBytes(): number;
  /** Calls `action` once the peer has taken everything that is pending, unless the writer is closed before. Never in the middle of a write. */
  onceDrained(action: () => void): void;
  writeBurst(trackIndex: number, burst: PacketBurst): void;
  writeRtcp(trackIndex: number, bytes: Buffer): void;
  /** What follows is the open GOP, until `endBacklog`. */
  beginBacklog(): void;
  endBacklog(): void;
  /** Nothing more is written; what is pending still leaves. */
  finish(): void;
  close(): void;
}

/** Channels by track index: RTP on the first, RTCP on the one above. */
export class TcpMediaWriter implements MediaWriter {
  readonly #socket: Socket;
  readonly #channels: ReadonlyMap<number, number>;
  readonly #secured: SecuredTracks;
  #onDrained: (() => void) | undefined;

  /** `secured`: tracks that go as SRTP. */
  constructor(socket: Socket, channels: ReadonlyMap<number, number>, secured: SecuredTracks = NOTHING_SECURED) {
    this.#socket = socket;
    this.#channels = channels;
    this.#secured = secured;
  }

  pendingBytes(): number {
    return this.#socket.writableLength;
  }

  onceDrained(action: () => void): void {
    this.#onDrained = action;
    this.#socket.once("drain", action);
  }

  /** One write for the whole frame; the slab is shared by every reader on the same channel. */
  writeBurst(trackIndex: number, burst: PacketBurst): void {
    const channel = this.#channels.get(trackIndex)!;
    const secured = this.#secured.get(trackIndex);
    if (secured !== undefined) {
      const protectedBurst = secured.protect(burst);
      if (protectedBurst !== undefined) this.#socket.write(framed(protectedBurst, channel));
      return;
    }
    this.#socket.write(channel === trackIndex * 2 ? burst.bytes : onChannel(burst, channel));
  }

  writeRtcp(trackIndex: number, bytes: Buffer): void {
    const secured = this.#secured.get(trackIndex);
    const packet = secured === undefined ? bytes : secured.protectReport(bytes);
    if (packet === undefined) return;
    const out = Buffer.allocUnsafe(FRAMING_BYTES + packet.length);
    writeFraming(out, 0, this.#channels.get(trackIndex)! + 1, packet.length);
    packet.copy(out, FRAMING_BYTES);
    this.#socket.write(out);
  }

  /** The backlog leaves in as few system calls as its size allows. */
  beginBacklog(): void {
    this.#socket.cork();
  }

  endBacklog(): void {
    this.#socket.uncork();
  }

  finish(): void {
    if (this.#onDrained !== undefined) this.#socket.removeListener("drain", this.#onDrained);
  }

  close(): void {
    this.finish();
  }
}

/** Protected packets, as they go over TCP. */
function framed({ bytes, offsets, count }: PacketBurst, channel: number): Buffer {
  const out = Buffer.allocUnsafe(offsets[count]! + count * FRAMING_BYTES);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const sizeBytes = offsets[i + 1]! - offsets[i]!;
    writeFraming(out, at, channel, sizeBytes);
    bytes.copy(out, at + FRAMING_BYTES, offsets[i]!, offsets[i + 1]!);
    at += FRAMING_BYTES + sizeBytes;
  }
  return out;
}

function writeFraming(out: Buffer, at: number, channel: number, sizeBytes: number): void {
  out[at] = 0x24; // '$'
  out[at + 1] = channel;
  out.writeUInt16BE(sizeBytes, at + 2);
}

/** By track index. */
type SecuredTracks = ReadonlyMap<number, SecureTrack>;
const NOTHING_SECURED: SecuredTracks = new Map();

export interface UdpDestination {
  /** The sockets to send from. */
  readonly from: UdpPair;
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
}

interface PreparedDestination extends UdpDestination {
  /** The RTP port, as bursts are sent there. */
  readonly rtp: DatagramDestination;
}

/** Packets of a backlog that leave per millisecond: a receive buffer of ordinary size keeps up. */
const PACED_PACKETS_PER_MS = 24;

/** Destinations by track index. */
export class UdpMediaWriter implements MediaWriter {
  readonly #destinations: ReadonlyMap<number, PreparedDestination>;
  readonly #isReplay: boolean;
  readonly #secured: SecuredTracks;
  /** The backlog, and what came behind it, until it has left. */
  #paced: { readonly trackIndex: number; readonly what: PacketBurst | Buffer }[] | undefined;
  /** Of a replay, RTP only. */
  #pendingBytes = 0;
  #onDrained: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `isReplay`: everything is paced as a backlog is, for frames that lead up to an instant come at once. */
  constructor(destinations: ReadonlyMap<number, UdpDestination>, isReplay = false, secured: SecuredTracks = NOTHING_SECURED) {
    this.#isReplay = isReplay;
    this.#secured = secured;
    this.#destinations = new Map(
      [...destinations].map(([index, to]) => [index, { ...to, rtp: to.from.rtp.destination(to.address, to.rtpPort) }]),
    );
  }

  /** A live frame is never pending: it leaves, or is part of a backlog. */
  pendingBytes(): number {
    return this.#pendingBytes;
  }

  onceDrained(action: () => void): void {
    this.#onDrained = action;
  }

  writeBurst(trackIndex: number, burst: PacketBurst): void {
    if (this.#isReplay) this.#pendingBytes += burst.bytes.length;
    if (this.#paced !== undefined) {
      this.#paced.push({ trackIndex, what: burst });
    } else if (this.#isReplay) {
      this.#paced = [{ trackIndex, what: burst }];
      this.#sendPaced();
    } else {
      this.#send(trackIndex, burst);
    }
  }

  /** A report leaves in its turn: it is not about the packets of a backlog that still wait. */
  writeRtcp(trackIndex: number, bytes: Buffer): void {
    if (this.#paced !== undefined) this.#paced.push({ trackIndex, what: bytes });
    else this.#sendRtcp(trackIndex, bytes);
  }

  beginBacklog(): void {
    this.#paced = [];
  }

  endBacklog(): void {
    this.#sendPaced();
  }

  finish(): void {
    this.#onDrained = undefined;
  }

  close(): void {
    this.finish();
    clearTimeout(this.#timer);
    this.#paced = undefined;
  }

  #sendPaced(): void {
    const paced = this.#paced;
    if (paced === undefined) return;
    let sent = 0;
    let done = 0;
    while (done < paced.length && sent < PACED_PACKETS_PER_MS) {
      const { trackIndex, what } = paced[done++]!;
      if (Buffer.isBuffer(what)) {
        this.#sendRtcp(trackIndex, what);
        sent++;
      } else {
        this.#send(trackIndex, what);
        sent += what.count;
        if (this.#isReplay) this.#pendingBytes -= what.bytes.length;
      }
    }
    paced.splice(0, done);
    // What comes within the time that was just used up waits as well, if it is a replay's.
    if (paced.length > 0 || (this.#isReplay && sent > 0)) {
      this.#timer = setTimeout(() => this.#sendPaced(), Math.ceil(sent / PACED_PACKETS_PER_MS));
    } else {
      this.#paced = undefined;
    }
    if (paced.length === 0) this.#drained();
  }

  #drained(): void {
    const action = this.#onDrained;
    this.#onDrained = undefined;
    action?.();
  }

  #sendRtcp(trackIndex: number, bytes: Buffer): void {
    const { from, address, rtcpPort } = this.#destinations.get(trackIndex)!;
    const secured = this.#secured.get(trackIndex);
    const packet = secured === undefined ? bytes : secured.protectReport(bytes);
    if (packet !== undefined) from.rtcp.socket.send(packet, rtcpPort, address);
  }

  #send(trackIndex: number, burst: PacketBurst): void {
    const { from, rtp } = this.#destinations.get(trackIndex)!;
    const secured = this.#secured.get(trackIndex);
    if (secured === undefined) {
      from.rtp.sendBurst(burst, rtp);
      return;
    }
    const protectedBurst = secured.protect(burst);
    if (protectedBurst !== undefined) from.rtp.sendBurst(protectedBurst, rtp, 0);
  }
}

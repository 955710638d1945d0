// What goes between us and one client once DTLS has given both the keys: SRTP and SRTCP over the path that the client chose.
import type { PacketBurst } from "#rtp/burst.ts";
import type { MakePacketCipher } from "#rtp/srtp/packet-cipher.ts";
import { openSrtcpReceiver, openSrtcpSender, type SrtcpReceiver, type SrtcpSender } from "#rtp/srtp/srtcp.ts";
import { openSrtpReceiver, type SrtpReceiver } from "#rtp/srtp/srtp-receiver.ts";
import { openSrtpSender, type ProtectedBurst, type SenderNumbering, type SenderStream, type SrtpSender } from "#rtp/srtp/srtp-sender.ts";
import type { SrtpKeys } from "./dtls/endpoint.ts";
import type { PeerPath } from "./peer-path.ts";

/** What a paced step of packets needs; what is larger gets memory of its own. */
const SCRATCH_BYTES = 65_536;
/** Packets are encrypted into it for one client after the other: each has left before the next one's turn. */
let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

export class SecureTransport {
  /** Where everything goes; the client may change it. */
  path: PeerPath;
  readonly #srtpSender: SrtpSender;
  readonly #srtpReceiver: SrtpReceiver;
  readonly #srtcpSender: SrtcpSender;
  readonly #srtcpReceiver: SrtcpReceiver;

  constructor(path: PeerPath, { local, remote }: SrtpKeys, makeCipher?: MakePacketCipher) {
    this.path = path;
    this.#srtpSender = openSrtpSender(local, makeCipher)!;
    this.#srtpReceiver = openSrtpReceiver(remote, makeCipher)!;
    this.#srtcpSender = openSrtcpSender(local)!;
    this.#srtcpReceiver = openSrtcpReceiver(remote)!;
  }

  /** Datagrams that were not authentic, or came again. */
  get rejected(): number {
    return this.#srtpReceiver.rejected + this.#srtcpReceiver.rejected;
  }

  /** One SSRC of ours, numbered as it will be for good. */
  stream(numbering: SenderNumbering): SenderStream {
    return this.#srtpSender.stream(numbering)!;
  }

  /** Packets first … end − 1 of a burst; returns the bytes that left. */
  sendBurst(burst: PacketBurst, stream: SenderStream, first = 0, end = burst.count): number {
    const slab = this.#srtpSender.protect(burst, stream, first, end, scratch);
    return slab === undefined ? 0 : this.#send(slab);
  }

  /** One packet that was sent before. */
  sendAgain(burst: PacketBurst, stream: SenderStream, index: number): number {
    const slab = this.#srtpSender.protectAgain(burst, stream, index, index + 1, scratch);
    return slab === undefined ? 0 : this.#send(slab);
  }

  #send(slab: ProtectedBurst): number {
    if (!this.path.sendBurst(slab) && slab.bytes.buffer === scratch.buffer) scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    return slab.bytes.length;
  }

  sendRtcp(compound: Buffer): void {
    const datagram = this.#srtcpSender.protect(compound);
    if (datagram !== undefined) this.path.send(datagram);
  }

  /** The datagram is decrypted in place; where its RTP packet ends, or undefined: it is not of our client. */
  openRtp(datagram: Buffer): number | undefined {
    return this.#srtpReceiver.unprotect(datagram, 0, datagram.length);
  }

  openRtcp(datagram: Buffer): Buffer | undefined {
    return this.#srtcpReceiver.unprotect(datagram, 0, datagram.length);
  }

  close(): void {
    this.#srtpSender.close();
    this.#srtpReceiver.close();
  }
}

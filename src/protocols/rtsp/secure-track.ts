// SRTP of one track of one session: our key for what we send, the peer's for what comes (RFC 3711).
import { randomBytes } from "node:crypto";
import type { PacketBurst } from "#rtp/burst.ts";
import type { MikeyKey } from "#rtp/srtp/mikey.ts";
import type { MakePacketCipher } from "#rtp/srtp/packet-cipher.ts";
import { openSrtcpReceiver, openSrtcpSender, type SrtcpReceiver, type SrtcpSender } from "#rtp/srtp/srtcp.ts";
import { AES128_CM_SHA1_80 } from "#rtp/srtp/srtp-profile.ts";
import { openSrtpReceiver, type SrtpReceiver } from "#rtp/srtp/srtp-receiver.ts";
import { openSrtpSender, type ProtectedBurst, type SenderStream, type SrtpSender } from "#rtp/srtp/srtp-sender.ts";

export interface SecureTrackOptions {
  readonly local: MikeyKey;
  /** Undefined: the peer has told none; what it sends is dropped. */
  readonly remote: MikeyKey | undefined;
  /** What we send is numbered so; undefined: we send reports only. */
  readonly sends?: { readonly ssrc: number; readonly payloadType: number } | undefined;
  readonly makeCipher?: MakePacketCipher | undefined;
}

export class SecureTrack {
  /** Packets and reports that were forged, damaged, or came again. */
  rejected = 0;
  readonly #rtp: { readonly sender: SrtpSender; readonly stream: SenderStream } | undefined;
  readonly #rtcpSender: SrtcpSender;
  readonly #receiver: SrtpReceiver | undefined;
  readonly #rtcpReceiver: SrtcpReceiver | undefined;

  constructor({ local, remote, sends, makeCipher }: SecureTrackOptions) {
    const profile = AES128_CM_SHA1_80;
    const sender = sends && openSrtpSender({ profile, ...local }, makeCipher);
    const stream = sends && sender?.stream({ ...sends, sequenceOffset: 0, timestampOffset: 0 });
    this.#rtp = sender && stream && { sender, stream };
    this.#rtcpSender = openSrtcpSender({ profile, ...local })!;
    this.#receiver = remote && openSrtpReceiver({ profile, ...remote }, makeCipher);
    this.#rtcpReceiver = remote && openSrtcpReceiver({ profile, ...remote });
    for (const { ssrc, rollover } of remote?.streams ?? []) this.#receiver?.expectRollover(ssrc, rollover);
  }

  /** Packets that were protected before are so again: a stream never has two payloads under one number. Undefined: none can be sent. */
  protect(burst: PacketBurst): ProtectedBurst | undefined {
    if (this.#rtp === undefined) return undefined;
    const { sender, stream } = this.#rtp;
    return sender.protect(burst, stream) ?? sender.protectAgain(burst, stream);
  }

  protectReport(compound: Buffer): Buffer | undefined {
    return this.#rtcpSender.protect(compound);
  }

  /** Takes the protection off in place, or off a copy for reports, and hands on what was in it. */
  open(isRtcp: boolean, bytes: Buffer, start: number, end: number, take: (bytes: Buffer, start: number, end: number) => void): void {
    if (isRtcp) {
      const compound = this.#rtcpReceiver?.unprotect(bytes, start, end);
      if (compound === undefined) this.rejected++;
      else take(compound, 0, compound.length);
      return;
    }
    const packetEnd = this.#receiver?.unprotect(bytes, start, end);
    if (packetEnd === undefined) this.rejected++;
    else take(bytes, start, packetEnd);
  }

  close(): void {
    this.#rtp?.sender.close();
    this.#receiver?.close();
  }
}

/** For one track of one session, and never for another. */
export function newMikeyKey(ssrcs: readonly number[]): MikeyKey {
  const { keyBytes, saltBytes } = AES128_CM_SHA1_80;
  return { masterKey: randomBytes(keyBytes), masterSalt: randomBytes(saltBytes), streams: ssrcs.map((ssrc) => ({ ssrc, rollover: 0 })) };
}

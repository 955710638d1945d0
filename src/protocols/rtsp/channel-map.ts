// Whose packets come on which interleaved channel. Some cameras mix their channels up: what a packet is shows in its type (RFC 3550 §5.1, RFC 5761 §4).
import type { MediaTrack } from "./sdp-tracks.ts";

interface Channel {
  readonly trackIndex: number;
  readonly isRtcp: boolean;
}

/** RFC 5761 §4: packet types of RTCP, as they stand where RTP has marker and payload type. */
const FIRST_RTCP_TYPE = 192;
const LAST_RTCP_TYPE = 223;
const PAYLOAD_TYPES = 128;
const NOBODY = -1;
const SEVERAL = -2;

export class ChannelMap {
  readonly #channels = new Map<number, Channel>();
  /** The one track of each payload type. */
  readonly #trackOfType = new Int8Array(PAYLOAD_TYPES).fill(NOBODY);

  /** What the session description says of payload types. */
  describe(medias: readonly MediaTrack[]): void {
    for (const { media, track } of medias) {
      for (const { payloadType } of media.formats) {
        if (payloadType >= PAYLOAD_TYPES) continue;
        this.#trackOfType[payloadType] = this.#trackOfType[payloadType] === NOBODY ? track.index : SEVERAL;
      }
    }
  }

  has(channel: number): boolean {
    return this.#channels.has(channel);
  }

  set(channel: number, trackIndex: number, isRtcp: boolean): void {
    this.#channels.set(channel, { trackIndex, isRtcp });
  }

  /** Hands a packet of a known channel to `take`, with the track it belongs to: the one its payload type names, else the channel's. */
  route(
    channel: number,
    bytes: Buffer,
    start: number,
    end: number,
    take: (trackIndex: number, isRtcp: boolean, bytes: Buffer, start: number, end: number) => void,
  ): void {
    const { trackIndex, isRtcp } = this.#channels.get(channel)!;
    const type = end - start < 2 ? 0 : bytes[start + 1]!;
    const byType = this.#trackOfType[type & 0x7f]!;
    if (byType >= 0) take(byType, false, bytes, start, end);
    else take(trackIndex, isRtcp || (byType === NOBODY && type >= FIRST_RTCP_TYPE && type <= LAST_RTCP_TYPE), bytes, start, end);
  }
}

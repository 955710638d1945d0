// What a scripted camera sends: packets of one or more tracks, a frame time's worth at once.
import { FRAMING_BYTES, type PacketBurst } from "#rtp/burst.ts";

export interface MediaPacket {
  /** Which `m=` line of the session description. */
  readonly track: number;
  readonly isRtcp: boolean;
  /** RTP or RTCP without framing; may be changed by whoever sends it. */
  readonly bytes: Buffer;
}

/** One connection's media. */
export interface CameraMedia {
  /** The session description that fits it. */
  readonly sdp: string;
  /** Everything of one frame time, in the order it is sent. `frame` counts frame times since the camera was switched on, sent or not. */
  next(frame: number): readonly MediaPacket[];
}

/** The RTP packets of a burst, as views. */
export function mediaPackets(track: number, { bytes, offsets, count }: PacketBurst): MediaPacket[] {
  return Array.from({ length: count }, (_, i) => ({
    track,
    isRtcp: false,
    bytes: bytes.subarray(offsets[i]! + FRAMING_BYTES, offsets[i + 1]!),
  }));
}

/** Media whose packets go through `change` before they are sent: left out, doubled, moved, rewritten. */
export function changedMedia(
  media: CameraMedia,
  change: (packets: readonly MediaPacket[], frame: number) => readonly MediaPacket[],
): CameraMedia {
  return { sdp: media.sdp, next: (frame) => change(media.next(frame), frame) };
}

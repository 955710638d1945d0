// The one type that travels: a whole frame of one track, with two faces.
import { FRAMING_BYTES, type PacketBurst } from "#rtp/burst.ts";
import type { Track } from "./track.ts";

/** `packets` for RTSP and WebRTC, `frame` for everything else. */
export type Face = "packets" | "frame";

/** The source fills the native face; Stream.publish makes the other one if a reader wants it. In decode order, without DTS. */
export interface Unit {
  readonly track: Track;
  /** Presentation time in 1/track.clockRateHz s since the stream's epoch, unwrapped, safe to 2^53. */
  readonly ptsTicks: number;
  /** This machine's monotonic clock at capture, as well as it is known. */
  readonly captureUs: number;
  /** The camera's own clock, µs since 1970, where it has an accepted one. */
  readonly senderUtcUs?: number;
  readonly keyframe: boolean;
  /** A packet of this frame was lost; the gap shows in its sequence numbers. */
  readonly damaged: boolean;
  readonly packets?: PacketBurst;
  /**
   * NAL units without start codes; audio: one coded frame each. Of a live unit it is good until `Reader.onUnit` returns: the stream makes the next one in
   * the same memory. Who keeps it, copies it.
   */
  readonly frame?: readonly Buffer[];
}

/** Size of a unit's media as clients count it: of RTP the packets, without what frames them in a slab. */
export function mediaBytes(unit: Unit): number {
  return unitBytes(unit) - (unit.packets === undefined ? 0 : unit.packets.count * FRAMING_BYTES);
}

/** Size of a unit's native bytes in memory. */
export function unitBytes(unit: Unit): number {
  if (unit.packets !== undefined) return unit.packets.bytes.length;
  let size = 0;
  for (const part of unit.frame ?? []) size += part.length;
  return size;
}

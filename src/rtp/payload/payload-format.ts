// What one RTP payload format (one RFC) must tell the relay. Pure functions on bytes; nothing here throws on a peer's bytes.
import type { Codec, Parameters } from "#codecs/codec.ts";
import type { BurstBuilder, PacketBurst } from "#rtp/burst.ts";

/** Bits that `inspect` returns for one packet. */
export const PacketHas = {
  /** Part of a coded picture (or any audio payload): a frame that ends has something in it. */
  slice: 1,
  /** Belongs to a random access point. */
  keyframe: 2,
  /** A parameter set is in this packet: `readParameters` is worth calling for the frame. */
  parameters: 4,
  /** The payload itself says that the frame ends with this packet. */
  end: 8,
  /** A recovery point SEI message: decoding may start here, too. */
  recoveryPoint: 16,
} as const;

/** What SDP says about a track: `a=rtpmap` and `a=fmtp` without the payload type. */
export interface FormatDescription {
  /** Static payload type (RFC 3551 §6), or undefined for a dynamic one. */
  readonly payloadType: number | undefined;
  readonly rtpmap: string | undefined;
  readonly fmtp: string | undefined;
}

export interface PayloadFormat {
  readonly codec: Codec;
  /**
   * `marker`: a frame ends at the marker bit once a slice was seen. `payload`: the marker bit means something else. Both: or where `inspect`
   * says so, or when the timestamp changes. `packet`: each packet is a frame.
   */
  readonly frameEnd: "marker" | "payload" | "packet";
  /** Looks at the payload bytes[start … end) of one packet and returns `PacketHas` bits. Hot path: no allocation. */
  inspect(bytes: Buffer, start: number, end: number): number;
  /**
   * The frame in the packets: NAL units without start codes, or one coded audio frame each; views into the burst where possible.
   * undefined when nothing complete is in them. A NAL unit or frame with a missing piece is left out, never cut. `memory`, at least as long as
   * the burst's bytes, is where pieces may be put together.
   */
  depacketize(burst: PacketBurst, parameters: Parameters, memory?: Buffer): readonly Buffer[] | undefined;
  /** Adds the packets of one frame to `out`; no payload is larger than `maxPayloadBytes`. */
  packetize(frame: readonly Buffer[], parameters: Parameters, maxPayloadBytes: number, out: BurstBuilder): void;
  /** New parameters when the frame carries sets that differ from `known`; undefined when nothing changed. */
  readParameters?(frame: readonly Buffer[], known: Parameters): Parameters | undefined;
  /**
   * As `readParameters`, from a whole frame's packets: where the packets say what the frame does not, or say it more cheaply. Asked for
   * every frame.
   */
  readBurst?(burst: PacketBurst, known: Parameters): Parameters | undefined;
}

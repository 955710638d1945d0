// One elementary stream of a path, as its source describes it.
import type { Codec, Parameters } from "#codecs/codec.ts";

/** Immutable: new parameter sets make a new Track with the same index, so that a reader compares identity. */
export interface Track {
  /** Place in the stream; its interleaved channel is 2 × index. */
  readonly index: number;
  readonly kind: "video" | "audio" | "data";
  readonly codec: Codec;
  /** Ticks per second of Unit.ptsTicks; the RTP clock rate. */
  readonly clockRateHz: number;
  /** What a decoder needs beforehand; parameter sets are here and never required in-band. */
  readonly parameters: Parameters;
  /** How many frames may precede a frame in decode order and follow it in display order: 0 means no B-frames. */
  readonly reorderFrames: number;
}

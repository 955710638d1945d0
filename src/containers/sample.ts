// What goes into a container and comes out of one: coded frames with their times, whatever the container.
import type { Parameters } from "#codecs/codec.ts";

/** A track as a container describes it; a relay Track is one. */
export interface ContainerTrack {
  readonly kind: "video" | "audio" | "data";
  /** Ticks per second of its samples' times. */
  readonly clockRateHz: number;
  /** Complete: a container is begun only once they are known. */
  readonly parameters: Parameters;
}

/** One frame. */
export interface Sample {
  /** Decode time in ticks of the track's clock; the origin is the caller's. Never falls within a track. */
  readonly dtsTicks: number;
  /** Presentation minus decode time, ticks. Not negative. */
  readonly ptsOffsetTicks: number;
  readonly durationTicks: number;
  /** Can be decoded without an earlier one. True for all audio. */
  readonly keyframe: boolean;
  /** As in Unit.frame: NAL units without start codes, OBUs without size fields, else one coded frame; audio: one or more coded frames. */
  readonly frame: readonly Buffer[];
  /** In memory each part of `frame` stands behind its length, 4 bytes, big-endian. */
  readonly prefixed?: boolean;
}

/** The samples of one track in one fragment, in decode order. */
export interface TrackSamples {
  /** Place of the track in the list the container was begun with. */
  readonly trackIndex: number;
  readonly samples: readonly Sample[];
}

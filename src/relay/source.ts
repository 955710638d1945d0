// The seam between where media comes from and the relay.
import type { RemoteAddress } from "./access.ts";
import type { Track } from "./track.ts";
import type { Face, Unit } from "./unit.ts";

/** Runs until aborted (resolves) or failed (rejects with a PeerFault). Retry with backoff is the Path's business. */
export interface Source {
  run(sink: SourceSink, signal: AbortSignal): Promise<void>;
  /** Asked every two seconds while a long wait follows an attempt that found nobody (`connect`): true ends the wait. Cheap; never rejects. */
  isReachable?(signal: AbortSignal): Promise<boolean>;
}

/** States of a pulled source, the words of the MQTT contract. */
export type SourceState = "off" | "connecting" | "probing" | "live" | "stalled" | "backoff" | "auth" | "config";

/** What a pulled source tells of the session it has with its peer. */
export interface SourceLink {
  readonly remote: RemoteAddress | undefined;
  /** `UDP`, `TCP`. */
  readonly transport: string | undefined;
  /** Plain numbers, by the names of the API's fields where it has one for them (`inboundRTPPacketsLost`, …). */
  counters(): Readonly<Record<string, number>>;
}

/** Where a source or a publisher delivers. */
export interface SourceSink {
  /**
   * The tracks are known. Same kinds, codecs, clocks and channel counts as before: attached readers stay; else they end with
   * `tracks-changed`. Returns the function that takes every unit from now on; units of one call's tracks go to that call's function.
   * `ptsTicks` may count from any origin per track: the stream aligns them.
   */
  ready(tracks: readonly Track[], native: Face): (unit: Unit) => void;
  /** A pulled source says where it stands. */
  state?: (state: SourceState) => void;
  /** A pulled source has a session with its peer. */
  linked?: (link: SourceLink) => void;
  /** Set by a source that can ask its peer for a keyframe (PLI, FIR); called at most once a second. */
  onKeyframeWanted?: (() => void) | undefined;
}

// The seam between the relay and whoever takes media out of it.
import type { Track } from "./track.ts";
import type { Face, Unit } from "./unit.ts";

export type EndReason =
  | "source-ended" // the source is gone and did not come back in time
  | "tracks-changed" // the source came back with other tracks
  | "path-removed" // the path was removed, re-created or re-configured
  | "too-slow" // no progress for writeTimeout
  | "closed"; // somebody closed it: kick, shutdown, the reader itself

/** onUnit and onEnd are synchronous, never throw and never wait. A unit's packets may be kept, its frame is to be copied. */
export interface Reader {
  readonly name: string;
  /** Bytes it has sent so far; absent for readers that are no clients (recorder, muxers). */
  readonly outboundBytes?: number;
  /** It gets no backlog: frames with the times they were captured at, or none. */
  readonly liveOnly?: boolean;
  /** Packets have 1,200 bytes at most, and keyframes their parameter sets. */
  readonly smallPackets?: boolean;
  /** Asked once per track at attach: nothing is made for tracks nobody reads. */
  wants(track: Track): Face | undefined;
  onUnit(unit: Unit): void;
  /** Called once per attach: the units so far, if any, were the open GOP; the live ones follow. */
  onBacklogEnd?(): void;
  /** The source was gone and delivers again: what comes now does not continue what came before. */
  onRestart?(): void;
  onEnd(reason: EndReason): void;
}

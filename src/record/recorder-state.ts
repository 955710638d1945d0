// What the API, metrics and events know of a recorder.
import type { GapCause, StoreFaultCode } from "./store.ts";

/**
 * off: nobody wants it. waiting: for a stream, a keyframe or parameter sets. recording. stalled: a run is open, and the source is silent or the store is
 * too slow. error: the store failed; it is tried again.
 */
export type RecorderPhase = "off" | "waiting" | "recording" | "stalled" | "error";

/** Footage that is missing; monotonic µs of this boot. */
export interface Gap {
  readonly fromUs: number;
  readonly toUs: number;
  readonly cause: GapCause;
}

export interface RecorderState {
  readonly state: RecorderPhase;
  /** In words; undefined where there is nothing to say. */
  readonly reason: string | undefined;
  /** Of `error`: what the store failed with. */
  readonly fault: StoreFaultCode | undefined;
  /** When bytes were last safe on the medium; monotonic µs. */
  readonly lastWriteUs: number | undefined;
  /** Frames that were received and not recorded, since the recorder was made. */
  readonly droppedUnits: number;
  /** Of fragments that are safe on the medium. */
  readonly bytes: number;
  readonly fragments: number;
  /** The last few that have ended, oldest first. */
  readonly gaps: readonly Gap[];
  /** Footage that waits in memory for a medium that is out of use: it can be played, and is stored when the medium is back. */
  readonly heldUs: number;
  readonly heldBytes: number;
  /** What the store has taken and not written yet. */
  readonly queuedBytes: number;
  /** Of the gap that is open: nothing is recorded now. */
  readonly openGap: { readonly fromUs: number; readonly cause: GapCause } | undefined;
}

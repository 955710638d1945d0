// The seam between the recorder and a store. The ring and the MediaMTX-style files both implement it; the store muxes.
import type { TrackSamples } from "#containers/sample.ts";
import type { Track } from "#relay/track.ts";

/** Everything that came in a stretch of time, for all tracks. Audio frames are one sample each. */
export interface Fragment {
  /** Sample times count from the epoch of the recording run (RunStart.captureUs is 0), in ticks of each track. */
  readonly samples: readonly TrackSamples[];
  /** Monotonic clock of this boot at the first sample. */
  readonly captureUs: number;
  /** Until the first sample of the next fragment of the leading track. */
  readonly durationUs: number;
  /** Begins with a keyframe of the leading track: the first video track, else the first track. */
  readonly keyframe: boolean;
  /** Footage is missing before this fragment. Known when it is handed to the store. */
  gapBefore: GapCause | undefined;
  /** The camera's own clock at the first sample, where it has an accepted one. µs since 1970. */
  readonly senderUtcUs: number | undefined;
  /** Media bytes. */
  readonly sizeBytes: number;
  /** Frames in it that lost packets on their way. */
  readonly damagedFrames?: number;
  /** Nobody reads its samples any more, and their memory is used again. Called once: by the store that took it, else by the recorder. */
  release?(): void;
}

/** Why footage is missing. */
export type GapCause =
  | "source" // the camera was gone, or frames of it were lost
  | "backpressure" // the store was too slow: whole groups of pictures were dropped
  | "power" // the gateway lost power or was killed while writing
  | "disk" // the store failed
  | "off" // recording was switched off
  | "tracks"; // the stream's tracks changed

/** A run is one stretch of recording with the same tracks and one timeline. */
export interface RunStart {
  readonly tracks: readonly Track[];
  /** Monotonic clock of this boot at tick 0 of every track. */
  readonly captureUs: number;
  readonly gapBefore: GapCause | undefined;
}

/** One camera's place in a store. Calls come in order: open, append…, close; then it may be opened again. */
export interface RecordingStore {
  readonly limits: FragmentLimits;
  /** New tracks or parameter sets while open end the run without a gap and begin the next. Rejects with a StoreFault. */
  open(run: RunStart): Promise<void>;
  /** False: the bounded queue is full and the fragment is not taken; the recorder notes the gap. Never throws, never waits. */
  append(fragment: Fragment): boolean;
  /** What was taken is on the medium when it resolves, as far as the medium lets it. Never rejects. */
  close(): Promise<void>;
  /** Bytes taken and not yet written. */
  readonly queuedBytes: number;
  /** Called once when the store cannot go on; the recorder closes it and opens it again after a pause. */
  onFault: ((fault: StoreFault) => void) | undefined;
  /** Called when a fragment's bytes are safe on the medium. `storedBytes`: where it is not all of them. */
  onStored: ((fragment: Fragment, storedBytes?: number) => void) | undefined;
  /** In words, how it stores less than it is given; undefined: it does not. */
  readonly shortfall?: string | undefined;
}

export interface FragmentLimits {
  /** A fragment is cut when the next sample would begin this long after its first. */
  readonly maxMs: number;
  /** A fragment is cut before the sample that would pass this. */
  readonly maxBytes: number;
  readonly cutAtKeyframe: boolean;
}

export type StoreFaultCode =
  | "full" // no space, and nothing may be overwritten
  | "locked" // all that could be overwritten is locked
  | "io" // the medium failed
  | "read-only" // the medium takes no writes
  | "gone" // the medium or its folder is not there
  | "foreign" // what lies there is not ours: nothing is overwritten
  | "unsupported" // no track of the run can be stored
  | "part-too-large"; // recordMaxPartSize

export class StoreFault extends Error {
  readonly code: StoreFaultCode;

  constructor(code: StoreFaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreFault";
    this.code = code;
  }
}

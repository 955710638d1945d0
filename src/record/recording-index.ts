// All that playback, API, page and MQTT know of either store: which spans there are, and their samples.
import type { TimeQuality } from "#base/clock.ts";
import type { ContainerTrack, TrackSamples } from "#containers/sample.ts";
import type { GapCause } from "./store.ts";

/** A continuous stretch of footage of one path. UTC is computed when asked: it may move when the clock is set. */
export interface Span {
  readonly path: string;
  readonly startUtcUs: number;
  readonly durationUs: number;
  readonly timeQuality: TimeQuality;
  /** Bound of the error of `startUtcUs`, where known. */
  readonly timeErrorMs: number | undefined;
  /** Why footage is missing before it; undefined for the first. */
  readonly gapBefore: GapCause | undefined;
  readonly sizeBytes: number;
  readonly locked: boolean;
  /** Being written. */
  readonly open: boolean;
}

export interface SpanQuery {
  /** Clips spans; undefined: from the first. */
  readonly fromUtcUs?: number;
  readonly toUtcUs?: number;
  /** Of the spans that match, counted from 0. */
  readonly offset?: number;
  readonly limit?: number;
}

/** A stretch that can be decoded with one set of parameters, in the order it was recorded. */
export interface Footage {
  readonly tracks: readonly ContainerTrack[];
  /** UTC of tick 0 of every track. */
  readonly epochUtcUs: number;
  readonly timeQuality: TimeQuality;
  readonly timeErrorMs: number | undefined;
  /** Footage is missing between this one and the one before. */
  readonly gapBefore: GapCause | undefined;
  /** Identity of the run: footage of one run shares a timeline. */
  readonly runId: string;
  /** Fragments in order, read one by one as they are asked for; an unreadable one is left out and makes `gap` true on the next. */
  fragments(signal: AbortSignal): AsyncIterable<FootageFragment>;
}

export interface FootageFragment {
  readonly gap: boolean;
  readonly samples: readonly TrackSamples[];
}

export interface Lock {
  readonly id: string;
  readonly path: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
  /** Undefined: until unlocked. */
  readonly untilUtcUs: number | undefined;
  readonly why: string;
  readonly sizeBytes: number;
}

export interface LockRequest {
  readonly path: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
  readonly untilUtcUs?: number | undefined;
  readonly why: string;
}

export interface RecordingIndex {
  /** Names of paths with footage, sorted. */
  paths(): Promise<readonly string[]>;
  /** In the order of recording. A file or chunk that cannot be read is left out; it never fails the list. */
  spans(path: string, query?: SpanQuery): Promise<readonly Span[]>;
  /**
   * Footage from `fromUtcUs` on, up to `toUtcUs`: each begins at the last keyframe at or before the instant wanted, and ends with the fragment that
   * holds `toUtcUs`. Files or chunks in use are not recycled while it is read.
   */
  read(path: string, fromUtcUs: number, toUtcUs: number, signal: AbortSignal): AsyncIterable<Footage>;
  /** Throws a CallerFault: nothing there, over the cap, or not supported by this store. */
  lock(request: LockRequest): Promise<Lock>;
  /** False: no such lock. */
  unlock(id: string): Promise<boolean>;
  locks(): readonly Lock[];
  /** Called with the path when its spans changed. */
  onChange(listener: (path: string) => void, signal: AbortSignal): void;
}

// What the server needs of whoever keeps recordings: footage of a path as a source of its own, for one client.
import type { Source } from "#relay/source.ts";

/** Footage that is played at normal speed. Running it begins, aborting the run ends it. */
export interface Replay {
  /**
   * Begins with the last keyframe at or before the instant asked for, or with the first footage after it. Each unit's `senderUtcUs` is the UTC of its
   * presentation when it was recorded. Where footage is missing, the tracks change or the recording's clock was set, `ready` is called anew. Resolves at the end of the footage.
   */
  readonly source: Source;
  /** Where the footage ends as far as is known; undefined: it is still being recorded. */
  readonly endUtcUs: number | undefined;
  /** No unit comes from now on, until `resume`. */
  pause(): void;
  /** Goes on with the unit after the last one, at normal speed. */
  resume(): void;
}

export interface ReplayRequest {
  readonly path: string;
  readonly fromUtcUs: number;
}

/** Throws a CallerFault `no-stream` where there is no footage from that instant on; a source that ends without a unit means the same. */
export type OpenReplay = (request: ReplayRequest) => Promise<Replay>;

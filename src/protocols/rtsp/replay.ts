// What the server needs of whoever keeps recordings: footage of a path as a source of its own, for one client.
import type { Source } from "#relay/source.ts";

/** Footage that is played at normal speed. Running it begins, aborting the run ends it. */
export interface Replay {
  /**
   * Begins at the instant asked for, or at the first footage after it. What a decoder needs before that instant comes at once, with times that are drawn together
   * at it. Each unit's `senderUtcUs` is the UTC of its presentation when it was recorded. Where footage is missing, the tracks change or
   * the recording's clock was set, `ready` is called anew. At the end of the footage it resolves, or rejects with a PeerFault `ended`.
   */
  readonly source: Source;
  /** Where the footage ends as far as is known; undefined: it is still being recorded. */
  readonly endUtcUs: number | undefined;
  /** No unit comes from now on, until `resume`. May be called while a unit is delivered, and often: it is also the brake for a slow reader. */
  pause(): void;
  /** Goes on with the unit after the last one, at normal speed. No unit comes twice. */
  resume(): void;
}

export interface ReplayRequest {
  readonly path: string;
  readonly fromUtcUs: number;
}

/** Throws a CallerFault `no-stream` where there is no footage from that instant on; a source that ends without a unit says the same. */
export type OpenReplay = (request: ReplayRequest) => Promise<Replay>;

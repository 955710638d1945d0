// The seam between the relay and whoever publishes a path's stream to another server. The runner tries again, a push does not.
import type { ReadLease } from "./path.ts";
import type { Reader } from "./reader.ts";

/** A place as a reader of the path: starts a source on demand. Rejects with a CallerFault. */
export type OpenRead = (reader: Reader) => Promise<ReadLease>;

export interface Push {
  /** Media of the newest attempt. */
  readonly outboundBytes: number;
  /**
   * One attempt. Publishes until aborted (resolves; while it connects it rejects with `aborted`) or until it fails (rejects with a PeerFault, or the CallerFault
   * of `open`). Starts the lease when the receiver takes media, and closes it whatever happens.
   */
  run(open: OpenRead, signal: AbortSignal): Promise<void>;
}

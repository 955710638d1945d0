// What one camera taught us; kept over reconnects.
import type { SenderClockMemory } from "#rtp/sender-clock.ts";

export type KeepaliveMethod = "GET_PARAMETER" | "OPTIONS";

export interface CameraMemory {
  digestSeen: boolean;
  /** The keepalive that works, once one did not. */
  keepaliveMethod: KeepaliveMethod | undefined;
  /** Sessions in a row that ended when their timeout was over, as if no keepalive had counted. */
  timedOutSessions: number;
  /** By track. */
  readonly senderClocks: SenderClockMemory[];
  /** What the log was told of its session description: once is enough. */
  readonly told: Set<string>;
  /** The transport that brought media, for `automatic`. */
  transport: "tcp" | "udp" | undefined;
}

/** Of a camera that we have not met. */
export function newCameraMemory(): CameraMemory {
  return { digestSeen: false, keepaliveMethod: undefined, timedOutSessions: 0, senderClocks: [], told: new Set(), transport: undefined };
}

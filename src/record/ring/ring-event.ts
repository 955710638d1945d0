// What happens to a ring that somebody outside may want to know: health, MQTT events, logs.
import type { GapCause, StoreFaultCode } from "../store.ts";
import type { WearReport } from "./wear.ts";

/**
 * The start (docs/storage.md), then `recording`; `degraded`: nothing is recorded, what can be read is read, and it is tried again. `rebuild`: recording
 * while the chunks tell what the index has lost.
 */
export type RingStatus = "closed" | "locked" | "mount-check" | "load-index" | "rebuild" | "open-scan" | "recording" | "degraded";

export type RingEvent =
  | { readonly type: "status"; readonly status: RingStatus; readonly code: StoreFaultCode | undefined; readonly text: string }
  /** The ring itself lost footage: it was too slow, or the medium failed, or power was lost. */
  | { readonly type: "gap"; readonly path: string; readonly cause: GapCause; readonly durationMs: number | undefined }
  /** Recording of a path cannot go on. */
  | { readonly type: "stop"; readonly path: string; readonly code: StoreFaultCode; readonly text: string }
  | { readonly type: "disk-slow" }
  | { readonly type: "disk-calm" }
  | { readonly type: "bad-chunk"; readonly chunk: number; readonly text: string }
  /** Foreign files take the space: the ring stays as small as it is. */
  | { readonly type: "no-growth"; readonly text: string }
  /** The index had to be made from the chunks, and is whole again. */
  | { readonly type: "rebuilt"; readonly chunks: number }
  /** Locks hold as much as they may: a lock does not hold all it was asked to. */
  | { readonly type: "lock-cap"; readonly path: string }
  | { readonly type: "lock-expired"; readonly id: string; readonly path: string }
  /** Whenever the level changes. */
  | { readonly type: "wear"; readonly report: WearReport };

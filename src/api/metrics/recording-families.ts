// camgate's own metrics of recording: recorders, the SD ring, the folders of recorded files.
import type { FolderSpace } from "#device/health/space-gauge.ts";
import type { RecorderPhase, RecorderState } from "#record/recorder-state.ts";
import type { Ring } from "#record/ring/ring.ts";
import type { RingStatus } from "#record/ring/ring-event.ts";
import type { WearLevel, WearReport } from "#record/ring/wear.ts";
import type { GapCause } from "#record/store.ts";
import type { GapTotal } from "./gap-totals.ts";
import { gauge, type MetricFamily, type Sample, stateSamples } from "./text-format.ts";

export interface RecorderFacts {
  readonly path: string;
  readonly state: Omit<RecorderState, "gaps" | "reason">;
}

export interface RingFacts {
  readonly status: RingStatus;
  readonly usage: Ring["usage"];
  readonly wear: WearReport;
}

/** Keys, so that one that is added cannot be forgotten here. */
const PHASES = Object.keys({ off: 0, waiting: 0, recording: 0, stalled: 0, error: 0 } satisfies Record<RecorderPhase, 0>);
const CAUSES = Object.keys({ source: 0, backpressure: 0, power: 0, disk: 0, off: 0, tracks: 0 } satisfies Record<GapCause, 0>);
const STATUSES = Object.keys({
  closed: 0,
  locked: 0,
  "mount-check": 0,
  "load-index": 0,
  rebuild: 0,
  "open-scan": 0,
  recording: 0,
  degraded: 0,
} satisfies Record<RingStatus, 0>);
const WEAR_LEVELS = Object.keys({ unknown: 0, good: 0, warn: 0, protect: 0 } satisfies Record<WearLevel, 0>);

/** `nowUs`: monotonic, of this boot. */
export function recorderFamilies(recorders: readonly RecorderFacts[], gaps: readonly GapTotal[], nowUs: number): readonly MetricFamily[] {
  const totals = new Map(gaps.map((total) => [`${total.cause} ${total.path}`, total]));
  // Also those that never were: a counter that begins at 1 looks as if nothing had happened.
  const eachCause = (value: (total: GapTotal) => number): readonly Sample[] =>
    recorders.flatMap(({ path }) =>
      CAUSES.map((cause) => {
        const total = totals.get(`${cause} ${path}`);
        return { labels: { path, cause }, value: total === undefined ? 0 : value(total) };
      }),
    );
  const each = (value: (state: RecorderFacts["state"]) => number | undefined): readonly Sample[] =>
    recorders.map(({ path, state }) => ({ labels: { path }, value: value(state) }));
  const secondsSince = (us: number | undefined): number | undefined => (us === undefined ? undefined : Math.max(0, nowUs - us) / 1e6);
  return [
    {
      name: "camgate_recorder_state",
      type: "gauge",
      help: "Whether the path's recorder is in this state: 1 for the one it is in.",
      samples: recorders.flatMap(({ path, state }) => stateSamples("state", PHASES, state.state, { path })),
    },
    {
      name: "camgate_recorder_bytes_total",
      type: "counter",
      help: "Bytes of media that are safe on the medium.",
      samples: each(({ bytes }) => bytes),
    },
    {
      name: "camgate_recorder_fragments_total",
      type: "counter",
      help: "Fragments that are safe on the medium.",
      samples: each(({ fragments }) => fragments),
    },
    {
      name: "camgate_recorder_dropped_units_total",
      type: "counter",
      help: "Frames that were received and not recorded.",
      samples: each(({ droppedUnits }) => droppedUnits),
    },
    {
      name: "camgate_recorder_last_write_age_seconds",
      type: "gauge",
      help: "Time since bytes were last safe on the medium; absent before the first.",
      samples: each(({ lastWriteUs }) => secondsSince(lastWriteUs)),
    },
    {
      name: "camgate_recorder_held_seconds",
      type: "gauge",
      help: "Footage in memory that waits for a medium that is out of use.",
      samples: each(({ heldUs }) => heldUs / 1e6),
    },
    {
      name: "camgate_recorder_gaps_total",
      type: "counter",
      help: "Gaps in the footage that have ended, by cause.",
      samples: eachCause(({ count }) => count),
    },
    {
      name: "camgate_recorder_gap_seconds_total",
      type: "counter",
      help: "Footage missing in gaps that have ended, by cause.",
      samples: eachCause(({ seconds }) => seconds),
    },
    {
      name: "camgate_recorder_open_gap_seconds",
      type: "gauge",
      help: "Age of the gap that is open: nothing is recorded now. 0 without one.",
      samples: each(({ openGap }) => secondsSince(openGap?.fromUs) ?? 0),
    },
  ];
}

/** Undefined: there is no ring. */
export function ringFamilies(ring: RingFacts | undefined): readonly MetricFamily[] {
  if (ring === undefined) return [];
  const { status, usage, wear } = ring;
  return [
    {
      name: "camgate_ring_status",
      type: "gauge",
      help: "Whether the ring is in this state: 1 for the one it is in.",
      samples: stateSamples("status", STATUSES, status),
    },
    gauge("camgate_ring_chunk_bytes", "Size of a chunk of the ring.", usage?.chunkBytes),
    gauge("camgate_ring_chunks", "Chunks that the ring has.", usage?.chunks),
    gauge("camgate_ring_footage_chunks", "Chunks that hold footage.", usage?.withFootage),
    gauge("camgate_ring_locked_chunks", "Chunks that a lock keeps from being overwritten.", usage?.locked),
    gauge("camgate_ring_bad_chunks", "Chunks that were given up because the medium failed in them.", usage?.bad),
    // What was written before this start is known from the medium: until it is mounted, a counter would tell of a reset.
    ...(usage === undefined ? [] : wearFamilies(wear)),
  ];
}

function wearFamilies({ writtenBytes, ratedBytes, used, bytesPerDay, daysLeft, level }: WearReport): readonly MetricFamily[] {
  return [
    {
      name: "camgate_ring_written_bytes_total",
      type: "counter",
      help: "Bytes ever written to the ring, in whole pages; kept on the medium.",
      samples: [{ value: writtenBytes }],
    },
    gauge("camgate_ring_rated_bytes", "Bytes that the medium is rated to take; absent without a rating.", ratedBytes),
    gauge("camgate_ring_wear_ratio", "Part of its rated life that the medium has used; absent without a rating.", used),
    gauge("camgate_ring_written_bytes_per_day", "Pace of writing since the start; absent in the first ten minutes.", bytesPerDay),
    gauge("camgate_ring_days_left", "Days until the rating is reached at this pace.", daysLeft),
    {
      name: "camgate_ring_wear_level",
      type: "gauge",
      help: "Whether the wear of the medium is of this level: 1 for the one it is of.",
      samples: stateSamples("level", WEAR_LEVELS, level),
    },
  ];
}

export function filesFamilies(folders: readonly FolderSpace[]): readonly MetricFamily[] {
  return [
    {
      name: "camgate_files_free_bytes",
      type: "gauge",
      help: "Space that is free where a folder of recorded files lies.",
      samples: folders.map(({ directory, freeBytes }) => ({ labels: { directory }, value: freeBytes })),
    },
    {
      name: "camgate_files_size_bytes",
      type: "gauge",
      help: "Size of the file system where a folder of recorded files lies.",
      samples: folders.map(({ directory, totalBytes }) => ({ labels: { directory }, value: totalBytes })),
    },
  ];
}

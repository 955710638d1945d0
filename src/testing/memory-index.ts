// A recording index over footage in memory, which says what was read of it.
import type { TimeQuality } from "#base/clock.ts";
import { CallerFault } from "#base/errors.ts";
import type { ContainerTrack, TrackSamples } from "#containers/sample.ts";
import type { Footage, FootageFragment, Lock, RecordingIndex, Span, SpanQuery } from "#record/recording-index.ts";
import type { GapCause } from "#record/store.ts";

export interface MemoryRun {
  readonly runId: string;
  /** UTC of tick 0 of every track. */
  readonly epochUtcUs: number;
  readonly tracks: readonly ContainerTrack[];
  /** The first sample of the first track of a fragment is its start, and tells whether one can begin there. */
  readonly fragments: readonly FootageFragment[];
  readonly gapBefore?: GapCause;
  /** Being written. */
  readonly open?: boolean;
  readonly timeQuality?: TimeQuality;
  readonly timeErrorMs?: number;
}

export class MemoryIndex implements RecordingIndex {
  /** Of each path, in the order of recording. Tests may change them. */
  readonly runs: Map<string, readonly MemoryRun[]>;
  /** Reads that were begun, and that are not over. */
  reads = 0;
  openReads = 0;
  /** Fragments that were handed out. */
  fragmentsRead = 0;
  /** Called before each fragment is handed out. */
  onFragment: (() => Promise<void> | void) | undefined;
  readonly #listeners = new Set<(path: string) => void>();

  constructor(runs: Readonly<Record<string, readonly MemoryRun[]>>) {
    this.runs = new Map(Object.entries(runs));
  }

  async paths(): Promise<readonly string[]> {
    return [...this.runs.keys()].sort();
  }

  async spans(path: string, query: SpanQuery = {}): Promise<readonly Span[]> {
    const { fromUtcUs = 0, toUtcUs = Number.MAX_SAFE_INTEGER, offset = 0, limit = Number.POSITIVE_INFINITY } = query;
    const spans = (this.runs.get(path) ?? []).flatMap((run) => spansOf(path, run));
    const clipped = spans.flatMap((span) => {
      const startUtcUs = Math.max(fromUtcUs, span.startUtcUs);
      const endUtcUs = Math.min(toUtcUs, span.startUtcUs + span.durationUs);
      const isLast = endUtcUs === span.startUtcUs + span.durationUs;
      return endUtcUs > startUtcUs ? [{ ...span, startUtcUs, durationUs: endUtcUs - startUtcUs, open: span.open && isLast }] : [];
    });
    return clipped.slice(offset, offset + limit);
  }

  async *read(path: string, fromUtcUs: number, toUtcUs: number, signal: AbortSignal): AsyncGenerator<Footage> {
    this.reads++;
    this.openReads++;
    try {
      for (const run of this.runs.get(path) ?? []) {
        const first = startOf(run, fromUtcUs);
        const fragments = run.fragments.filter((fragment, i) => i >= first && startUtcUs(run, fragment) < toUtcUs);
        const isBefore = run.fragments.every((fragment) => endUtcUs(run, fragment) <= fromUtcUs);
        if (signal.aborted) return;
        if (fragments.length > 0 && !isBefore) yield this.#footage(run, fragments);
      }
    } finally {
      this.openReads--;
    }
  }

  #footage(run: MemoryRun, fragments: readonly FootageFragment[]): Footage {
    const { tracks, epochUtcUs, timeQuality = "ntp", timeErrorMs, gapBefore, runId } = run;
    const hand = async function* (this: MemoryIndex, signal: AbortSignal): AsyncGenerator<FootageFragment> {
      for (const fragment of fragments) {
        await this.onFragment?.();
        if (signal.aborted) return;
        this.fragmentsRead++;
        yield fragment;
      }
    };
    return { tracks, epochUtcUs, timeQuality, timeErrorMs, gapBefore, runId, fragments: (signal) => hand.call(this, signal) };
  }

  async lock(): Promise<Lock> {
    throw new CallerFault("invalid", "no locks here");
  }

  async unlock(): Promise<boolean> {
    return false;
  }

  locks(): readonly Lock[] {
    return [];
  }

  onChange(listener: (path: string) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  notify(path: string): void {
    for (const listener of this.#listeners) listener(path);
  }
}

/** The fragment that begins with the last keyframe at or before an instant. */
function startOf(run: MemoryRun, utcUs: number): number {
  const place = run.fragments.findLastIndex((fragment) => leadOf(fragment)?.keyframe === true && startUtcUs(run, fragment) <= utcUs);
  return Math.max(0, place);
}

function leadOf({ samples }: FootageFragment): TrackSamples["samples"][number] | undefined {
  return samples[0]?.samples[0];
}

function startUtcUs(run: MemoryRun, fragment: FootageFragment): number {
  const track = fragment.samples[0]!;
  return run.epochUtcUs + (track.samples[0]!.dtsTicks * 1e6) / run.tracks[track.trackIndex]!.clockRateHz;
}

function endUtcUs(run: MemoryRun, { samples }: FootageFragment): number {
  const ends = samples.map(({ trackIndex, samples: own }) => {
    const { dtsTicks, durationTicks } = own.at(-1)!;
    return ((dtsTicks + durationTicks) * 1e6) / run.tracks[trackIndex]!.clockRateHz;
  });
  return run.epochUtcUs + Math.max(...ends);
}

function spansOf(path: string, run: MemoryRun): Span[] {
  const { timeQuality = "ntp", timeErrorMs, open = false } = run;
  const spans: Span[] = [];
  for (const [i, fragment] of run.fragments.entries()) {
    const last = spans.at(-1);
    const sizeBytes = fragment.samples.flatMap(({ samples }) => samples).reduce((sum, { frame }) => sum + Buffer.concat(frame).length, 0);
    const end = endUtcUs(run, fragment);
    if (last !== undefined && !fragment.gap) {
      spans[spans.length - 1] = { ...last, durationUs: end - last.startUtcUs, sizeBytes: last.sizeBytes + sizeBytes };
      continue;
    }
    const start = startUtcUs(run, fragment);
    const gapBefore = i === 0 ? run.gapBefore : "source";
    spans.push({
      path,
      startUtcUs: start,
      durationUs: end - start,
      timeQuality,
      timeErrorMs,
      gapBefore,
      sizeBytes,
      locked: false,
      open: false,
    });
  }
  const last = spans.pop();
  return last === undefined ? [] : [...spans, { ...last, open }];
}

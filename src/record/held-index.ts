// What is recorded of a path while its medium is out of use: what can be read of the store, and behind it the footage that waits in memory.
import type { Clock } from "#base/clock.ts";
import type { ContainerTrack, Sample, TrackSamples } from "#containers/sample.ts";
import { leadingTrack } from "./fragment-cutter.ts";
import type { Footage, FootageFragment, Lock, LockRequest, RecordingIndex, Span, SpanQuery } from "./recording-index.ts";
import type { Fragment } from "./store.ts";
import type { HeldStretch } from "./waiting-steps.ts";

export interface HeldIndexOptions {
  /** Of the store. */
  readonly stored: RecordingIndex;
  readonly clock: Clock;
  /** What waits of a path, oldest first. */
  held(path: string): readonly HeldStretch[];
}

export class HeldIndex implements RecordingIndex {
  readonly #options: HeldIndexOptions;

  constructor(options: HeldIndexOptions) {
    this.#options = options;
  }

  paths(): Promise<readonly string[]> {
    return this.#options.stored.paths();
  }

  async spans(path: string, query: SpanQuery = {}): Promise<readonly Span[]> {
    const { stored, held } = this.#options;
    if (held(path).length === 0) return stored.spans(path, query);
    const { offset = 0, limit = Number.POSITIVE_INFINITY, ...bounds } = query;
    const spans = [...(await stored.spans(path, bounds)), ...this.#heldSpans(path, bounds)];
    return spans.slice(offset, offset + limit);
  }

  /** Where all that is wanted is held, the medium is not touched. */
  async *read(path: string, fromUtcUs: number, toUtcUs: number, signal: AbortSignal): AsyncGenerator<Footage> {
    const { stored, clock, held } = this.#options;
    const first = held(path)[0]?.fragments[0];
    if (first === undefined || fromUtcUs < clock.utcOf(first.captureUs).utcUs) yield* stored.read(path, fromUtcUs, toUtcUs, signal);
    for (const stretch of held(path)) {
      if (signal.aborted) return;
      const wanted = this.#wantedOf(stretch, fromUtcUs, toUtcUs);
      if (wanted.length > 0) yield new HeldFootage(stretch, wanted, clock);
    }
  }

  lock(request: LockRequest): Promise<Lock> {
    return this.#options.stored.lock(request);
  }

  unlock(id: string): Promise<boolean> {
    return this.#options.stored.unlock(id);
  }

  locks(): readonly Lock[] {
    return this.#options.stored.locks();
  }

  onChange(listener: (path: string) => void, signal: AbortSignal): void {
    this.#options.stored.onChange(listener, signal);
  }

  #heldSpans(path: string, { fromUtcUs = 0, toUtcUs = Number.MAX_SAFE_INTEGER }: SpanQuery): Span[] {
    const { clock, held } = this.#options;
    const stretches = held(path);
    return stretches.flatMap(({ fragments }, i): Span[] => {
      const first = fragments[0]!;
      const { utcUs, quality, errorMs } = clock.utcOf(first.captureUs);
      const endUtcUs = utcUs + endOf(fragments.at(-1)!) - first.captureUs;
      const startUtcUs = Math.max(fromUtcUs, utcUs);
      const durationUs = Math.min(toUtcUs, endUtcUs) - startUtcUs;
      if (durationUs <= 0) return [];
      const sizeBytes = fragments.reduce((sum, fragment) => sum + fragment.sizeBytes, 0);
      return [
        {
          path,
          startUtcUs,
          durationUs,
          timeQuality: quality,
          timeErrorMs: errorMs,
          gapBefore: startUtcUs === utcUs ? "disk" : undefined,
          sizeBytes: Math.round((sizeBytes * durationUs) / (endUtcUs - utcUs)),
          locked: false,
          open: i === stretches.length - 1 && endUtcUs <= toUtcUs,
        },
      ];
    });
  }

  /** From the last keyframe at or before the instant wanted. */
  #wantedOf({ fragments }: HeldStretch, fromUtcUs: number, toUtcUs: number): readonly Fragment[] {
    const { clock } = this.#options;
    const utcUsOf = (monoUs: number): number => clock.utcOf(monoUs).utcUs;
    if (utcUsOf(endOf(fragments.at(-1)!)) <= fromUtcUs) return [];
    const start = fragments.findLastIndex(({ keyframe, captureUs }) => keyframe && utcUsOf(captureUs) <= fromUtcUs);
    return fragments.slice(Math.max(0, start)).filter(({ captureUs }) => utcUsOf(captureUs) < toUtcUs);
  }
}

class HeldFootage implements Footage {
  readonly tracks: readonly ContainerTrack[];
  readonly epochUtcUs: number;
  readonly timeQuality: Footage["timeQuality"];
  readonly timeErrorMs: number | undefined;
  readonly gapBefore = "disk";
  readonly runId: string;
  readonly #fragments: readonly Fragment[];

  constructor({ run }: HeldStretch, fragments: readonly Fragment[], clock: Clock) {
    const first = fragments[0]!;
    const leading = leadingTrack(run.tracks);
    const leadIndex = leading === undefined ? -1 : run.tracks.indexOf(leading);
    const lead = first.samples.find(({ trackIndex }) => trackIndex === leadIndex)?.samples[0];
    const startUs = lead === undefined ? first.captureUs - run.captureUs : (lead.dtsTicks * 1e6) / run.tracks[leadIndex]!.clockRateHz;
    const { utcUs, quality, errorMs } = clock.utcOf(first.captureUs);
    this.tracks = run.tracks;
    this.epochUtcUs = utcUs - startUs;
    this.timeQuality = quality;
    this.timeErrorMs = errorMs;
    this.runId = `held-${run.captureUs}-${first.captureUs}`;
    this.#fragments = fragments;
  }

  /** Copies: what is held may be stored or given up at any time, and its memory used again. */
  async *fragments(signal: AbortSignal): AsyncGenerator<FootageFragment> {
    let gap = false;
    for (const { samples } of this.#fragments) {
      if (signal.aborted) return;
      if (samples.length > 0) yield { gap, samples: samples.map(copied) };
      gap = samples.length === 0;
    }
  }
}

function copied({ trackIndex, samples }: TrackSamples): TrackSamples {
  const copies = samples.map(({ dtsTicks, ptsOffsetTicks, durationTicks, keyframe, frame }): Sample => {
    return { dtsTicks, ptsOffsetTicks, durationTicks, keyframe, frame: frame.map((part) => Buffer.from(part)) };
  });
  return { trackIndex, samples: copies };
}

function endOf({ captureUs, durationUs }: Fragment): number {
  return captureUs + durationUs;
}

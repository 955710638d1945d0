// What playback, API, page and MQTT see of the ring.
import type { Footage, Lock, LockRequest, RecordingIndex, Span, SpanQuery } from "../recording-index.ts";
import { partsOfSpan, type SpanPart, wantedStamps } from "../span-times.ts";
import { type StampSpan, spansOfCamera } from "./camera-spans.ts";
import { readFootage } from "./footage-reader.ts";
import { planRead } from "./read-plan.ts";
import { type LockRules, lockFootage, lockInfo, unlockFootage } from "./ring-locks.ts";
import type { RingVolume } from "./volume.ts";

export interface RecordingsOptions {
  /** The mounted ring, else the last that was: what can be read of it is. */
  volume(): RingVolume | undefined;
  /** Runs a change of the ring when nothing else touches it. */
  change<T>(task: (volume: RingVolume) => Promise<T>): Promise<T>;
  readonly lockRules: () => LockRules;
}

export class RingRecordings implements RecordingIndex {
  readonly #options: RecordingsOptions;
  readonly #listeners = new Set<(path: string) => void>();

  constructor(options: RecordingsOptions) {
    this.#options = options;
  }

  async paths(): Promise<readonly string[]> {
    const volume = this.#options.volume();
    if (volume === undefined) return [];
    const names = volume.index.cameraIds().map((id) => volume.parts.names.nameOf(id));
    return names.filter((name) => name !== undefined).sort();
  }

  async spans(path: string, query: SpanQuery = {}): Promise<readonly Span[]> {
    const volume = this.#options.volume();
    const cameraId = volume?.parts.names.idOf(path);
    if (volume === undefined || cameraId === undefined) return [];
    const { fromUtcUs, toUtcUs, offset = 0, limit = Number.POSITIVE_INFINITY } = query;
    const { clock } = volume.parts;
    const wanted = wantedStamps(clock, fromUtcUs, toUtcUs);
    const spans: Span[] = [];
    let matched = 0;
    for (const span of spansOfCamera(volume.index, cameraId)) {
      for (const part of partsOfSpan(span, clock, wanted)) {
        if (spans.length >= limit) return spans;
        if (matched++ >= offset) spans.push(spanOf(path, span, part));
      }
    }
    return spans;
  }

  async *read(path: string, fromUtcUs: number, toUtcUs: number, signal: AbortSignal): AsyncGenerator<Footage> {
    const volume = this.#options.volume();
    const cameraId = volume?.parts.names.idOf(path);
    if (volume === undefined || cameraId === undefined) return;
    yield* readFootage(volume, planRead(volume.index, cameraId, volume.parts.clock, fromUtcUs, toUtcUs), signal);
  }

  async lock(request: LockRequest): Promise<Lock> {
    const lock = await this.#options.change(async (volume) =>
      lockInfo(volume, await lockFootage(volume, request, this.#options.lockRules())),
    );
    this.notify(request.path);
    return lock;
  }

  async unlock(id: string): Promise<boolean> {
    const path = this.#options.volume()?.parts.locks.get(id)?.camera;
    const isUnlocked = await this.#options.change((volume) => unlockFootage(volume, id));
    if (isUnlocked && path !== undefined) this.notify(path);
    return isUnlocked;
  }

  locks(): readonly Lock[] {
    const volume = this.#options.volume();
    return volume === undefined ? [] : volume.parts.locks.all.map((lock) => lockInfo(volume, lock));
  }

  onChange(listener: (path: string) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  notify(path: string): void {
    for (const listener of this.#listeners) listener(path);
  }
}

function spanOf(path: string, span: StampSpan, { startUs, endUs, startUtc }: SpanPart): Span {
  const durationUs = endUs - startUs;
  const share = durationUs / Math.max(1, span.endUs - span.startUs);
  return {
    path,
    startUtcUs: startUtc.utcUs,
    durationUs,
    timeQuality: startUtc.quality,
    timeErrorMs: startUtc.errorMs,
    gapBefore: startUs === span.startUs ? span.gapBefore : undefined,
    sizeBytes: Math.round(span.sizeBytes * share),
    locked: span.locked,
    open: span.open && endUs === span.endUs,
  };
}

// Reads frames of a clip again, in order, from any place on.
import { oneFrameEach } from "#containers/fmp4/stored-sample.ts";
import type { StoredTrack } from "#containers/fmp4/stored-track.ts";
import type { Sample, TrackSamples } from "#containers/sample.ts";
import type { RecordingIndex } from "../recording-index.ts";
import type { ClipMap } from "./clip-map.ts";
import { type Placement, placeSample, startOf } from "./clip-timeline.ts";
import { type FootageWish, type WalkedFragment, walkFootage } from "./footage-walk.ts";

/** What was known of UTC may have been corrected by so much meanwhile. */
const UTC_MARGIN_US = 500_000;
/** Tracks whose fragments lie further apart than this are not read in step. */
const MAX_WAITING_BYTES = 64 * 2 ** 20;

/** The recording is not what it was when the clip was read first: deleted, overwritten, or placed elsewhere in time. */
export class FootageChanged extends Error {
  constructor() {
    super("the recording changed while it was read");
    this.name = "FootageChanged";
  }
}

/** A frame with times of the clip. */
export interface FetchedFrame {
  readonly stored: StoredTrack;
  readonly sample: Sample;
}

/** By trackIndex: the first frame that will be asked for; undefined: none of the track. */
export type FrameCursor = readonly (number | undefined)[];

export class FrameFetcher {
  readonly #map: ClipMap;
  readonly #toUtcUs: number;
  readonly #signal: AbortSignal;
  readonly #walk: AsyncGenerator<WalkedFragment, undefined>;
  readonly #next = new Map<number, number>();
  readonly #waiting = new Map<number, FetchedFrame[]>();
  #waitingBytes = 0;

  constructor(index: RecordingIndex, map: ClipMap, wish: FootageWish, cursor: FrameCursor, signal: AbortSignal) {
    this.#map = map;
    this.#toUtcUs = wish.toUtcUs;
    this.#signal = signal;
    let fromUtcUs = wish.toUtcUs;
    for (const [trackIndex, frame] of cursor.entries()) {
      if (frame === undefined) continue;
      this.#next.set(trackIndex, frame);
      this.#waiting.set(trackIndex, []);
      fromUtcUs = Math.min(fromUtcUs, map.utcUsOf(trackIndex, frame) ?? fromUtcUs);
    }
    this.#walk = walkFootage(index, { ...wish, fromUtcUs: fromUtcUs - UTC_MARGIN_US }, signal);
  }

  /** The next frames of a track. Rejects with FootageChanged when they are not there any more, and with the signal's reason when it is aborted. */
  async take(trackIndex: number, count: number): Promise<readonly FetchedFrame[]> {
    const waiting = this.#waiting.get(trackIndex) ?? [];
    while (waiting.length < count) {
      const { value, done } = await this.#walk.next();
      this.#signal.throwIfAborted();
      if (done === true || this.#waitingBytes > MAX_WAITING_BYTES) throw new FootageChanged();
      this.#sort(value);
    }
    const taken = waiting.splice(0, count);
    for (const { sample } of taken) this.#waitingBytes -= sizeOf(sample);
    return taken;
  }

  async close(): Promise<void> {
    await this.#walk.return(undefined);
  }

  #sort({ footage, fragment }: WalkedFragment): void {
    const placement = this.#placementOf(footage.runId, fragment.samples);
    if (placement === undefined) return;
    for (const { trackIndex, samples } of fragment.samples) {
      const stored = placement.tracks[trackIndex];
      if (stored === undefined || !this.#next.has(trackIndex)) continue;
      for (const sample of oneFrameEach(stored, samples)) {
        const placed = placeSample(sample, trackIndex, placement, this.#toUtcUs);
        if (placed !== undefined) this.#add(trackIndex, { stored, sample: placed });
      }
    }
  }

  #add(trackIndex: number, fetched: FetchedFrame): void {
    const frame = this.#next.get(trackIndex)!;
    const wantedTicks = this.#map.dtsAt(trackIndex, frame);
    const { dtsTicks } = fetched.sample;
    if (wantedTicks === undefined || dtsTicks < wantedTicks) return;
    if (dtsTicks > wantedTicks) throw new FootageChanged();
    this.#next.set(trackIndex, frame + 1);
    this.#waiting.get(trackIndex)!.push(fetched);
    this.#waitingBytes += sizeOf(fetched.sample);
  }

  #placementOf(runId: string, samples: readonly TrackSamples[]): Placement | undefined {
    return this.#map.placements.findLast(({ placement }) => {
      const start = startOf({ tracks: placement.tracks, samples });
      return placement.runId === runId && start !== undefined && start >= placement.fromSeconds;
    })?.placement;
  }
}

function sizeOf({ frame }: Sample): number {
  return frame.reduce((sum, { length }) => sum + length, 0);
}

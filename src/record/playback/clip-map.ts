// Where each frame of a clip comes from: what is kept of a clip that was read once, so that any part of it can be read again.
import type { TrackSamples } from "#containers/sample.ts";
import type { Placement } from "./clip-timeline.ts";

const FIRST_CAPACITY = 256;

/** The frames of one track, in decode order. */
class TrackMap {
  count = 0;
  #dtsTicks = new Float64Array(FIRST_CAPACITY);

  get dtsTicks(): Float64Array {
    return this.#dtsTicks.subarray(0, this.count);
  }

  get heldBytes(): number {
    return this.#dtsTicks.byteLength;
  }

  dtsAt(frame: number): number | undefined {
    return frame < this.count ? this.#dtsTicks[frame] : undefined;
  }

  add(dtsTicks: number): void {
    if (this.count === this.#dtsTicks.length) {
      const grown = new Float64Array(2 * this.count);
      grown.set(this.#dtsTicks);
      this.#dtsTicks = grown;
    }
    this.#dtsTicks[this.count++] = dtsTicks;
  }
}

/** A placement and the frames that it begins with, by trackIndex. */
export interface MappedPlacement {
  readonly placement: Placement;
  readonly firstFrames: readonly number[];
}

/** By track: frames are counted from 0, in decode order. */
export class ClipMap {
  readonly #tracks = new Map<number, TrackMap>();
  readonly #placements: MappedPlacement[] = [];
  #endUtcUs = 0;

  /** UTC of what is shown first, by what was known when the clip was read. */
  get startUtcUs(): number {
    const { tracks, epochUtcUs, originTicks } = this.#placements[0]!.placement;
    const lead = tracks.findIndex((track) => track !== undefined);
    return epochUtcUs + (originTicks[lead]! * 1e6) / tracks[lead]!.track.clockRateHz;
  }

  /** UTC at which the last frame ends. */
  get endUtcUs(): number {
    return this.#endUtcUs;
  }

  get trackIndexes(): readonly number[] {
    return [...this.#tracks.keys()];
  }

  get placements(): readonly MappedPlacement[] {
    return this.#placements;
  }

  /** Memory it takes, about. */
  get heldBytes(): number {
    let bytes = this.#placements.length * 512;
    for (const track of this.#tracks.values()) bytes += track.heldBytes;
    return bytes;
  }

  countOf(trackIndex: number): number {
    return this.#tracks.get(trackIndex)?.count ?? 0;
  }

  /** Decode time on the clip's timeline; undefined behind the last frame. */
  dtsAt(trackIndex: number, frame: number): number | undefined {
    return this.#tracks.get(trackIndex)?.dtsAt(frame);
  }

  /** Decode times of a track, as they are kept: not to be changed. */
  dtsTicksOf(trackIndex: number): Float64Array {
    return this.#tracks.get(trackIndex)?.dtsTicks ?? new Float64Array();
  }

  add(placement: Placement, samples: readonly TrackSamples[]): void {
    if (this.#placements.at(-1)?.placement !== placement) {
      const firstFrames = placement.originTicks.map((_, trackIndex) => this.countOf(trackIndex));
      this.#placements.push({ placement, firstFrames });
    }
    for (const { trackIndex, samples: own } of samples) {
      const track = this.#tracks.get(trackIndex) ?? new TrackMap();
      this.#tracks.set(trackIndex, track);
      for (const { dtsTicks } of own) track.add(dtsTicks);
      const last = own.at(-1);
      const clockRateHz = placement.tracks[trackIndex]?.track.clockRateHz;
      if (last === undefined || clockRateHz === undefined) continue;
      const endTicks = last.dtsTicks + last.durationTicks + placement.originTicks[trackIndex]!;
      this.#endUtcUs = Math.max(this.#endUtcUs, placement.epochUtcUs + (endTicks * 1e6) / clockRateHz);
    }
  }

  /** UTC of a frame's decode time, by what was known when the clip was read. */
  utcUsOf(trackIndex: number, frame: number): number | undefined {
    const dtsTicks = this.dtsAt(trackIndex, frame);
    const placement = this.#placements.findLast(({ firstFrames }) => firstFrames[trackIndex]! <= frame)?.placement;
    const clockRateHz = placement?.tracks[trackIndex]?.track.clockRateHz;
    if (dtsTicks === undefined || placement === undefined || clockRateHz === undefined) return undefined;
    return placement.epochUtcUs + ((dtsTicks + placement.originTicks[trackIndex]!) * 1e6) / clockRateHz;
  }
}

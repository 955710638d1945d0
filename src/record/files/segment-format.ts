// What the files of a run are made of: fragmented MP4 as MediaMTX records it, or MPEG-TS. Bytes only; nothing is written here.

import type { ClockStamp } from "#containers/clock-stamp.ts";
import { writeFragment } from "#containers/fmp4/fragment.ts";
import { writeInit } from "#containers/fmp4/init.ts";
import type { Mtxi } from "#containers/fmp4/mtxi.ts";
import { fmp4Fault, type StoredTracks, storeTracks } from "#containers/fmp4/stored-track.ts";
import { tsRefusal } from "#containers/mpegts/carriage.ts";
import { writeStampPacket } from "#containers/mpegts/stamp-packet.ts";
import { MAX_TS_TRACKS, TsWriter } from "#containers/mpegts/ts-writer.ts";
import type { ContainerTrack, Sample, TrackSamples } from "#containers/sample.ts";

/** MediaMTX's `recordFormat`. */
export type RecordFormat = "fmp4" | "mpegts";

export const EXTENSIONS: Readonly<Record<RecordFormat, string>> = { fmp4: ".mp4", mpegts: ".ts" };

export interface SegmentHeadBytes {
  readonly bytes: Buffer;
  /** Where the duration is written when the file is complete; undefined: such files do not tell it. */
  readonly durationOffset: number | undefined;
  /** Where its drift is written; undefined: such files do not tell it. */
  readonly driftOffset: number | undefined;
}

/** Makes the files of one run, one after the other. */
export interface SegmentFormat {
  /** By trackIndex: the track has a place in these files. */
  readonly holds: readonly boolean[];
  /** What a file begins with; the parts that follow are of it. */
  begin(mtxi: Mtxi, stamp: ClockStamp): SegmentHeadBytes;
  /** The bytes of a part, some of them views of the samples' memory. Empty when nothing of it can be stored. */
  part(samples: readonly TrackSamples[]): readonly Buffer[];
}

/** Whether recording in a format takes the track: what a Recorder asks. */
export function holdsTrack(format: RecordFormat, track: ContainerTrack): boolean {
  return (format === "fmp4" ? fmp4Fault(track) : tsRefusal(track)) === undefined;
}

/** Undefined: no track can be stored. */
export function segmentFormatOf(format: RecordFormat, tracks: readonly ContainerTrack[]): SegmentFormat | undefined {
  return format === "fmp4" ? Fmp4Segments.of(tracks) : TsSegments.of(tracks);
}

class Fmp4Segments implements SegmentFormat {
  readonly holds: readonly boolean[];
  readonly #stored: StoredTracks;
  #sequenceNumber = 0;
  #originTicks: readonly number[] = [];

  private constructor(stored: StoredTracks) {
    this.#stored = stored;
    this.holds = stored.map((track) => track !== undefined);
  }

  static of(tracks: readonly ContainerTrack[]): Fmp4Segments | undefined {
    const stored = storeTracks(tracks, "first-in-entry");
    return stored.some((track) => track !== undefined) ? new Fmp4Segments(stored) : undefined;
  }

  /** Each file has its tick 0 at its start: its place in the run stands in `mtxi` alone. */
  begin(mtxi: Mtxi, stamp: ClockStamp): SegmentHeadBytes {
    this.#sequenceNumber = 0;
    this.#originTicks = this.#stored.map((stored) => (stored === undefined ? 0 : ticksAt(mtxi.startDtsUs, stored.track.clockRateHz)));
    const { bytes, durationOffset, driftOffset } = writeInit(this.#stored, { mtxi, stamp })!;
    return { bytes, durationOffset, driftOffset };
  }

  part(samples: readonly TrackSamples[]): readonly Buffer[] {
    const fragment = writeFragment(this.#stored, samples, { sequenceNumber: this.#sequenceNumber, originTicks: this.#originTicks });
    if (fragment === undefined) return [];
    this.#sequenceNumber++;
    return fragment.buffers;
  }
}

/** The tick nearest to an instant of the run; what is read back is put in its place by the same sum. */
export function ticksAt(us: number, clockRateHz: number): number {
  return Math.round((us * clockRateHz) / 1e6);
}

class TsSegments implements SegmentFormat {
  readonly holds: readonly boolean[];
  readonly #tracks: readonly ContainerTrack[];
  readonly #writer: TsWriter;
  /** By trackIndex: place in the transport stream. */
  readonly #places: readonly (number | undefined)[];

  private constructor(tracks: readonly ContainerTrack[], places: readonly (number | undefined)[]) {
    this.#tracks = tracks;
    this.#places = places;
    this.holds = places.map((place) => place !== undefined);
    this.#writer = new TsWriter(tracks.filter((_, i) => places[i] !== undefined));
  }

  static of(tracks: readonly ContainerTrack[]): TsSegments | undefined {
    let count = 0;
    const places = tracks.map((track) => (tsRefusal(track) === undefined && count < MAX_TS_TRACKS ? count++ : undefined));
    return count === 0 ? undefined : new TsSegments(tracks, places);
  }

  /** Times and counters go on from file to file. */
  begin(_mtxi: Mtxi, stamp: ClockStamp): SegmentHeadBytes {
    this.#writer.beginSegment();
    return { bytes: writeStampPacket(stamp), durationOffset: undefined, driftOffset: undefined };
  }

  part(samples: readonly TrackSamples[]): readonly Buffer[] {
    const ordered: { readonly place: number; readonly sample: Sample; readonly atS: number }[] = [];
    for (const { trackIndex, samples: given } of samples) {
      const place = this.#places[trackIndex];
      if (place === undefined) continue;
      const { clockRateHz } = this.#tracks[trackIndex]!;
      for (const sample of given) ordered.push({ place, sample, atS: sample.dtsTicks / clockRateHz });
    }
    ordered.sort((a, b) => a.atS - b.atS);
    return ordered.map(({ place, sample }) => this.#writer.write(place, sample)).filter(({ length }) => length > 0);
  }
}

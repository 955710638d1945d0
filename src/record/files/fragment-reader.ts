// Fragments of one MP4 segment, found by their headers and read one by one.

import type { FsFile } from "#base/fs-port.ts";
import { parseMoof, type TrackRanges } from "#containers/fmp4/parse-fragment.ts";
import type { ParsedInit } from "#containers/fmp4/parse-init.ts";
import { pull } from "#containers/fmp4/pull.ts";
import { readSamples } from "#containers/fmp4/read-samples.ts";
import { type FragmentPlace, nextFragment } from "#containers/fmp4/scan.ts";
import type { TrackSamples } from "#containers/sample.ts";
import type { SeekPoints } from "./seek-points.ts";
import { readerOf } from "./segment-head.ts";

/** A larger fragment is left out. */
const MAX_FRAGMENT_BYTES = 128 << 20;

export class FragmentReader {
  readonly #file: FsFile;
  readonly #init: ParsedInit;
  readonly #seekPoints: SeekPoints;
  readonly #leadIndex: number;

  constructor(file: FsFile, init: ParsedInit, seekPoints: SeekPoints) {
    this.#seekPoints = seekPoints;
    this.#file = file;
    this.#init = init;
    const firstVideo = init.tracks.findIndex(({ kind }) => kind === "video");
    this.#leadIndex = Math.max(0, firstVideo);
  }

  /** The next whole fragment at or behind `offset`. */
  async next(offset: number): Promise<FragmentPlace | undefined> {
    const place = await pull(nextFragment(offset, await this.#file.size()), readerOf(this.#file));
    return place?.whole ? place : undefined;
  }

  /** Where to begin to see what is shown at an instant of the file, seconds; undefined: at its start. */
  async lastKeyframe(wantedS: number): Promise<{ readonly offset: number; readonly atS: number } | undefined> {
    let found: { readonly offset: number; readonly atS: number } | undefined;
    let offset = this.#seekPoints.before(wantedS) ?? this.#init.endOffset;
    for (;;) {
      const place = await this.next(offset);
      if (place === undefined) return found;
      const ranges = parseMoof(this.#init, place.moof, place.moofOffset);
      const lead = ranges && this.#leadOf(ranges);
      const startS = lead === undefined ? undefined : this.#secondsOf(lead.trackIndex, lead.ranges[0]!.dtsTicks);
      if (startS !== undefined && startS > wantedS) return found;
      const keyframe = lead?.ranges.findLast(({ keyframe, dtsTicks }) => keyframe && this.#secondsOf(lead.trackIndex, dtsTicks) <= wantedS);
      if (lead !== undefined && keyframe !== undefined) {
        found = { offset: place.moofOffset, atS: this.#secondsOf(lead.trackIndex, keyframe.dtsTicks) };
        this.#seekPoints.note(found.atS, found.offset);
      }
      offset = place.endOffset;
    }
  }

  /** Of the leading track, or the first that is there; seconds of the file. */
  extentOf(ranges: readonly TrackRanges[]): { readonly startS: number; readonly endS: number } | undefined {
    const lead = this.#leadOf(ranges) ?? ranges[0];
    if (lead === undefined) return undefined;
    const last = lead.ranges.at(-1)!;
    return {
      startS: this.#secondsOf(lead.trackIndex, lead.ranges[0]!.dtsTicks),
      endS: this.#secondsOf(lead.trackIndex, last.dtsTicks + last.durationTicks),
    };
  }

  /** What is shown from `fromS` on; undefined: too large, or the file ends before. */
  async samples(place: FragmentPlace, tracks: readonly TrackRanges[], fromS: number): Promise<readonly TrackSamples[] | undefined> {
    const sizeBytes = place.endOffset - place.mdatOffset;
    if (sizeBytes > MAX_FRAGMENT_BYTES) return undefined;
    const bytes = Buffer.allocUnsafeSlow(sizeBytes);
    if ((await this.#file.read(bytes, place.mdatOffset)) < sizeBytes) return undefined;
    const wanted = tracks.map(({ trackIndex, ranges }) => {
      return { trackIndex, ranges: ranges.filter(({ dtsTicks }) => this.#secondsOf(trackIndex, dtsTicks) >= fromS) };
    });
    return readSamples(this.#init, wanted, bytes, place.mdatOffset);
  }

  #leadOf(ranges: readonly TrackRanges[]): TrackRanges | undefined {
    return ranges.find(({ trackIndex }) => trackIndex === this.#leadIndex);
  }

  #secondsOf(trackIndex: number, ticks: number): number {
    return ticks / this.#init.tracks[trackIndex]!.clockRateHz;
  }
}

// The head of a fragmented MP4 file: `ftyp` and `moov`, laid out as MediaMTX lays out its recordings.
import type { ClockStamp } from "../clock-stamp.ts";
import { BoxWriter } from "./box-writer.ts";
import { writeFileType, writeMovieHeader, writeTrack } from "./moov.ts";
import { type Mtxi, writeMtxi } from "./mtxi.ts";
import { writeStampBox } from "./stamp-box.ts";
import type { StoredTrack, StoredTracks } from "./stored-track.ts";

export interface InitSegment {
  /** `ftyp` and `moov`. */
  readonly bytes: Buffer;
  /** Length of `ftyp`: other boxes may be put in behind it. */
  readonly ftypBytes: number;
  /** Where in `bytes` the duration stands, 32 bits of milliseconds; `writeDuration` makes what to put there once it is known. */
  readonly durationOffset: number;
  /** Where `writeDrift` goes; undefined without a stamp. */
  readonly driftOffset: number | undefined;
}

export interface InitOptions {
  readonly mtxi?: Mtxi;
  readonly stamp?: ClockStamp;
  /** 0: not known yet. */
  readonly durationMs?: number;
}

/** Ticks of `mvhd`, which MediaMTX expects to be milliseconds. */
const MOVIE_TIMESCALE = 1000;
const MAX_DURATION_MS = 0xffff_ffff;

/** Undefined: no track can be stored. */
export function writeInit(tracks: StoredTracks, options: InitOptions = {}): InitSegment | undefined {
  const stored = tracks.filter((track) => track !== undefined);
  if (stored.length === 0) return undefined;
  const writer = new BoxWriter();
  writeFileType(writer);
  const ftypBytes = writer.position;
  let durationOffset = 0;
  let driftOffset: number | undefined;
  writer.box("moov", () => {
    durationOffset = writeMovieHeader(writer, MOVIE_TIMESCALE, clampDuration(options.durationMs ?? 0));
    for (const track of stored) writeTrack(writer, track, { movieDuration: 0, mediaTicks: 0 }, () => writeEmptyTables(writer));
    writer.box("mvex", () => {
      for (const track of stored) writeTrackExtends(writer, track);
    });
    if (options.mtxi !== undefined) {
      const { mtxi } = options;
      writer.box("udta", () => writeMtxi(writer, mtxi));
    }
    if (options.stamp !== undefined) driftOffset = writeStampBox(writer, options.stamp);
  });
  return { bytes: writer.finish(), ftypBytes, durationOffset, driftOffset };
}

/** The four bytes for `InitSegment.durationOffset`. */
export function writeDuration(durationMs: number): Buffer {
  const field = Buffer.allocUnsafe(4);
  field.writeUInt32BE(clampDuration(durationMs), 0);
  return field;
}

function clampDuration(durationMs: number): number {
  return Math.min(MAX_DURATION_MS, Math.max(0, Math.round(durationMs)));
}

function writeEmptyTables(writer: BoxWriter): void {
  for (const type of ["stts", "stsc"]) writer.fullBox(type, 0, 0, () => writer.u32(0));
  writer.fullBox("stsz", 0, 0, () => writer.zeros(8));
  writer.fullBox("stco", 0, 0, () => writer.u32(0));
}

/** §8.8.3: without defaults, every fragment tells all. */
function writeTrackExtends(writer: BoxWriter, { trackId }: StoredTrack): void {
  writer.fullBox("trex", 0, 0, () => writer.u32(trackId).u32(1).zeros(12)); // default_sample_description_index
}

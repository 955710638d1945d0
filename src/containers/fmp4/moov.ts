// The boxes that describe a file and its tracks: `ftyp`, `mvhd`, `trak`, ISO/IEC 14496-12 §4.3, §8.2 to §8.7.
import type { BoxWriter } from "./box-writer.ts";
import type { StoredTrack } from "./stored-track.ts";
import { pictureSizeOf } from "./video-entry.ts";

/** Version 0 of a box holds 32 bits of time. */
const MAX_U32 = 0xffff_ffff;
/** 1.0 as 16.16. */
const ONE = 0x0001_0000;
/** "und", five bits a letter, §8.4.2.3. */
const UNDETERMINED = 0x55c4;

/** The brands of MediaMTX's files. */
export function writeFileType(writer: BoxWriter): void {
  writer.box("ftyp", () => writer.text("mp42").u32(1).text("mp41mp42isomhlsf"));
}

function versionFor(time: number): 0 | 1 {
  return time > MAX_U32 ? 1 : 0;
}

/** No rotation, no scaling: 16.16, the last column 2.30. */
function writeMatrix(writer: BoxWriter): void {
  writer.u32(ONE).zeros(12).u32(ONE).zeros(12).u32(0x4000_0000);
}

/** `timescale`: ticks per second of `duration`. Returns where the duration stands. */
export function writeMovieHeader(writer: BoxWriter, timescale: number, duration: number): number {
  let durationOffset = 0;
  const version = versionFor(duration);
  writer.fullBox("mvhd", version, 0, () => {
    writer.zeros(version === 0 ? 8 : 16).u32(timescale); // creation and modification time
    durationOffset = writer.position;
    writer.time(duration, version).u32(ONE).u16(0x0100).zeros(10); // rate, volume
    writeMatrix(writer);
    writer.zeros(24).u32(MAX_U32); // next_track_ID: not known
  });
  return durationOffset;
}

export interface TrackTimes {
  /** In the movie's timescale. */
  readonly movieDuration: number;
  readonly mediaTicks: number;
  /** Writes `edts`, where one is needed. */
  readonly edits?: () => void;
}

/** `sampleTables` writes what comes behind `stsd`. */
export function writeTrack(writer: BoxWriter, stored: StoredTrack, times: TrackTimes, sampleTables: () => void): void {
  writer.box("trak", () => {
    writeTrackHeader(writer, stored, times.movieDuration);
    times.edits?.();
    writer.box("mdia", () => {
      writeMediaHeader(writer, stored.track.clockRateHz, times.mediaTicks);
      writeMediaInformation(writer, stored, sampleTables);
    });
  });
}

function writeTrackHeader(writer: BoxWriter, { track, trackId }: StoredTrack, duration: number): void {
  const size = pictureSizeOf(track.parameters);
  const version = versionFor(duration);
  writer.fullBox("tkhd", version, 3, () => {
    writer
      .zeros(version === 0 ? 8 : 16)
      .u32(trackId)
      .u32(0); // enabled, in the movie
    writer.time(duration, version).zeros(8).u16(0);
    writer.u16(track.kind === "audio" ? 1 : 0); // alternate_group
    writer.u16(track.kind === "audio" ? 0x0100 : 0).u16(0); // volume
    writeMatrix(writer);
    writer.u16(size?.widthPx ?? 0).u16(0);
    writer.u16(size?.heightPx ?? 0).u16(0);
  });
}

function writeMediaHeader(writer: BoxWriter, timescale: number, duration: number): void {
  const version = versionFor(duration);
  writer.fullBox("mdhd", version, 0, () => {
    writer.zeros(version === 0 ? 8 : 16).u32(timescale);
    writer.time(duration, version).u16(UNDETERMINED).u16(0);
  });
}

function writeMediaInformation(writer: BoxWriter, { track, entry }: StoredTrack, sampleTables: () => void): void {
  const isAudio = track.kind === "audio";
  writer.fullBox("hdlr", 0, 0, () => {
    writer
      .u32(0)
      .text(isAudio ? "soun" : "vide")
      .zeros(12);
    writer.text(isAudio ? "SoundHandler\0" : "VideoHandler\0");
  });
  writer.box("minf", () => {
    if (isAudio) writer.fullBox("smhd", 0, 0, () => writer.zeros(4));
    else writer.fullBox("vmhd", 0, 1, () => writer.zeros(8));
    writer.box("dinf", () => {
      writer.fullBox("dref", 0, 0, () => writer.u32(1).fullBox("url ", 0, 1, () => {})); // the media is in this file
    });
    writer.box("stbl", () => {
      writer.fullBox("stsd", 0, 0, () => writer.u32(1).bytes(entry));
      sampleTables();
    });
  });
}

// A plain MP4 file with its index first, ISO/IEC 14496-12 §8.6 and §8.7: every byte's place is known before any media is read, so that a part of
// the file can be asked for.
import { BoxWriter } from "./box-writer.ts";
import { writeFileType, writeMovieHeader, writeTrack } from "./moov.ts";
import { type Mp4Chunk, type Mp4Sample, writeSampleTables } from "./sample-tables.ts";
import type { StoredTrack, StoredTracks } from "./stored-track.ts";

export interface Mp4Plan {
  /** `ftyp`, `moov` and the header of `mdat`. */
  readonly head: Buffer;
  /** Of the whole file. */
  readonly sizeBytes: number;
  /** In the order of the file, without a hole, from the end of the head to the end of the file. */
  readonly chunks: readonly Mp4Chunk[];
}

export interface Mp4Options {
  /** By trackIndex: the time that is shown first; what is before it is decoded and not shown. Without: the earliest presentation time of all. */
  readonly originTicks?: readonly number[];
}

/** Of `mvhd`: the clock of most video, so that edits of it are exact. */
const MOVIE_TIMESCALE = 90_000;
/** Players read ahead this far for a track while they play another one. */
const CHUNK_SECONDS = 0.5;
/** Presentation times fall below the first one's only within the leading pictures of the first keyframe. */
const LEADING_SAMPLES = 32;
const MAX_U32 = 0xffff_ffff;
/** More than the index of any file that is made in one piece. */
const MAX_HEAD_BYTES = 2 ** 28;

interface PlannedTrack {
  readonly stored: StoredTrack;
  readonly trackIndex: number;
  readonly samples: readonly Mp4Sample[];
}

/** `samples` by trackIndex, each in decode order. Undefined: there is nothing to store, or its index would be over 256 MiB. */
export function planMp4(tracks: StoredTracks, samples: readonly (readonly Mp4Sample[])[], options: Mp4Options = {}): Mp4Plan | undefined {
  const planned: PlannedTrack[] = [];
  for (const [trackIndex, stored] of tracks.entries()) {
    const own = samples[trackIndex];
    if (stored !== undefined && own !== undefined && own.length > 0) planned.push({ stored, trackIndex, samples: own });
  }
  if (planned.length === 0) return undefined;
  const relative = interleave(planned);
  const last = relative[relative.length - 1]!;
  const mediaBytes = last.offset + last.sizeBytes;
  const isLong = mediaBytes + MAX_HEAD_BYTES > MAX_U32;
  const origins = options.originTicks ?? earliest(planned);
  const headOf = (mediaOffset: number) => writeHead(planned, origins, relative, { mediaOffset, mediaBytes, isLong });
  const headBytes = headOf(0).length; // its size does not depend on the offsets in it
  if (headBytes > MAX_HEAD_BYTES) return undefined;
  const chunks = relative.map((chunk): Mp4Chunk => ({ ...chunk, offset: headBytes + chunk.offset }));
  return { head: headOf(headBytes), sizeBytes: headBytes + mediaBytes, chunks };
}

/** The chunk that holds a byte of the file; -1 in the head and behind the end. */
export function chunkAt({ chunks }: Mp4Plan, offset: number): number {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (chunks[middle]!.offset + chunks[middle]!.sizeBytes <= offset) low = middle + 1;
    else high = middle;
  }
  return low < chunks.length && chunks[low]!.offset <= offset ? low : -1;
}

/** By time, the track that is furthest behind next. Offsets count from the first byte of media. */
function interleave(tracks: readonly PlannedTrack[]): Mp4Chunk[] {
  const chunks: Mp4Chunk[] = [];
  const next = tracks.map(() => 0);
  let offset = 0;
  for (;;) {
    let chosen = -1;
    let chosenSeconds = Number.POSITIVE_INFINITY;
    for (const [i, { stored, samples }] of tracks.entries()) {
      const sample = samples[next[i]!];
      const seconds = sample === undefined ? Number.POSITIVE_INFINITY : sample.dtsTicks / stored.track.clockRateHz;
      if (seconds < chosenSeconds) [chosen, chosenSeconds] = [i, seconds];
    }
    const track = tracks[chosen];
    if (track === undefined) return chunks;
    const firstSample = next[chosen]!;
    const endTicks = (chosenSeconds + CHUNK_SECONDS) * track.stored.track.clockRateHz;
    let at = firstSample;
    let sizeBytes = 0;
    do sizeBytes += track.samples[at++]!.sizeBytes;
    while (at < track.samples.length && track.samples[at]!.dtsTicks < endTicks);
    chunks.push({ trackIndex: track.trackIndex, firstSample, sampleCount: at - firstSample, offset, sizeBytes });
    offset += sizeBytes;
    next[chosen] = at;
  }
}

/** By trackIndex, the same instant for all tracks. */
function earliest(tracks: readonly PlannedTrack[]): number[] {
  let seconds = Number.POSITIVE_INFINITY;
  for (const { stored, samples } of tracks) {
    for (const { dtsTicks, ptsOffsetTicks } of samples.slice(0, LEADING_SAMPLES)) {
      seconds = Math.min(seconds, (dtsTicks + ptsOffsetTicks) / stored.track.clockRateHz);
    }
  }
  const origins: number[] = [];
  for (const { stored, trackIndex } of tracks) origins[trackIndex] = Math.round(seconds * stored.track.clockRateHz);
  return origins;
}

interface Media {
  readonly mediaOffset: number;
  readonly mediaBytes: number;
  /** Offsets and sizes have 64 bits. */
  readonly isLong: boolean;
}

function writeHead(tracks: readonly PlannedTrack[], origins: readonly number[], chunks: readonly Mp4Chunk[], media: Media): Buffer {
  const writer = new BoxWriter();
  writeFileType(writer);
  writer.box("moov", () => {
    const edits = tracks.map((track) => editOf(track, origins[track.trackIndex] ?? 0));
    writeMovieHeader(writer, MOVIE_TIMESCALE, Math.max(...edits.map(({ delay, duration }) => delay + duration)));
    for (const [i, { stored, trackIndex, samples }] of tracks.entries()) {
      const edit = edits[i]!;
      const own = chunks.filter((chunk) => chunk.trackIndex === trackIndex);
      const times = { movieDuration: edit.delay + edit.duration, mediaTicks: mediaTicks(samples), edits: () => writeEdits(writer, edit) };
      writeTrack(writer, stored, times, () => {
        writeSampleTables(writer, samples, own, { offset: media.mediaOffset, isLong: media.isLong });
      });
    }
  });
  if (media.isLong)
    writer
      .u32(1)
      .text("mdat")
      .u64(media.mediaBytes + 16);
  else writer.u32(media.mediaBytes + 8).text("mdat");
  return writer.finish();
}

/** Decode times of a plain MP4 begin at 0: the sum of durations. */
function mediaTicks(samples: readonly Mp4Sample[]): number {
  const last = samples[samples.length - 1]!;
  return Math.max(0, last.dtsTicks - samples[0]!.dtsTicks) + last.durationTicks;
}

interface Edit {
  /** Nothing is shown for so long, in the movie's timescale. */
  readonly delay: number;
  /** How long the track is shown, in the movie's timescale. */
  readonly duration: number;
  /** What is shown first, in ticks from the first sample's decode time. */
  readonly mediaTicks: number;
}

function editOf({ stored, samples }: PlannedTrack, originTicks: number): Edit {
  const toMovie = (ticks: number) => Math.round((ticks * MOVIE_TIMESCALE) / stored.track.clockRateHz);
  const startTicks = originTicks - samples[0]!.dtsTicks;
  let endTicks = 0;
  for (const sample of samples.slice(-LEADING_SAMPLES)) {
    endTicks = Math.max(endTicks, sample.dtsTicks + sample.ptsOffsetTicks + sample.durationTicks - samples[0]!.dtsTicks);
  }
  const from = Math.max(0, startTicks);
  return { delay: toMovie(Math.max(0, -startTicks)), duration: toMovie(Math.max(0, endTicks - from)), mediaTicks: from };
}

/** §8.6.6; nothing where the track is shown from its start. */
function writeEdits(writer: BoxWriter, { delay, duration, mediaTicks: start }: Edit): void {
  if (delay === 0 && start === 0) return;
  const version = Math.max(delay, duration, start) > MAX_U32 / 2 ? 1 : 0;
  const entry = (length: number, mediaTime: number) => {
    writer.time(length, version);
    if (version === 1) writer.i64(BigInt(mediaTime));
    else writer.i32(mediaTime);
    writer.u32(0x0001_0000); // at normal speed
  };
  writer.box("edts", () => {
    writer.fullBox("elst", version, 0, () => {
      writer.u32(delay > 0 ? 2 : 1);
      if (delay > 0) entry(delay, -1);
      entry(duration, start);
    });
  });
}

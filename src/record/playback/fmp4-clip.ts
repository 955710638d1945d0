// A clip as fragmented MP4: what comes before the start is gone through in no time, so that the picture of the start is the first that stays.
import { type FragmentBytes, writeFragment } from "#containers/fmp4/fragment.ts";
import { writeInit } from "#containers/fmp4/init.ts";
import type { TrackSamples } from "#containers/sample.ts";
import type { RecordingIndex } from "../recording-index.ts";
import { type ClipBody, etagOf, within } from "./clip-body.ts";
import { ClipMap } from "./clip-map.ts";
import { type ClipEnd, type ClipPart, ClipReader, type ClipWish } from "./clip-reader.ts";
import type { ClipTracks } from "./clip-tracks.ts";
import { notBeforeStart } from "./early-frames.ts";
import { FootageChanged, FrameFetcher } from "./frame-fetcher.ts";
import { EmptyClip, TooLongClip } from "./no-clip.ts";

/** The index in memory of a clip that can be asked for in parts. */
const MAX_FRAGMENTS = 65_536;

/** Head, then fragments as the footage is read. Rejects with EmptyClip before the first byte. `durationMs`: for the head; 0 where it is not known. */
export async function* streamFmp4(
  index: RecordingIndex,
  wish: ClipWish,
  durationMs: number,
  signal: AbortSignal,
): AsyncGenerator<readonly Buffer[], undefined> {
  const reader = new ClipReader(index, wish);
  let sequenceNumber = 0;
  for await (const part of reader.parts(signal)) {
    const samples = shownSamples(part);
    if (samples.length === 0) continue;
    if (sequenceNumber === 0) yield [headOf(part.placement.tracks, durationMs)];
    const fragment = fragmentOf(part.placement.tracks, samples, sequenceNumber++);
    if (fragment !== undefined) yield fragment.buffers;
  }
  signal.throwIfAborted();
  if (sequenceNumber === 0) throw new EmptyClip(reader.unplayable);
}

export interface Fmp4Clip extends ClipBody {
  /** There is footage that is not in it; undefined: it is all there. */
  readonly next: ClipEnd | undefined;
  /** UTC of what is shown first, and of the end of the last frame. */
  readonly startUtcUs: number;
  readonly endUtcUs: number;
}

/** As `streamFmp4`, after one reading of the footage: its size is known, and any part of it can be asked for. */
export async function openFmp4Clip(index: RecordingIndex, wish: ClipWish, durationMs: number, signal: AbortSignal): Promise<Fmp4Clip> {
  const reader = new ClipReader(index, wish);
  const map = new ClipMap();
  const fragments: Fmp4Fragment[] = [];
  let head: Buffer | undefined;
  let offset = 0;
  for await (const part of reader.parts(signal)) {
    const samples = shownSamples(part);
    const fragment = fragmentOf(part.placement.tracks, samples, fragments.length);
    if (fragment === undefined) continue;
    head ??= headOf(part.placement.tracks, durationMs);
    if (fragments.length === 0) offset = head.length;
    const tracks = samples.map(({ trackIndex, samples: own }) => ({ trackIndex, first: map.countOf(trackIndex), count: own.length }));
    map.add(part.placement, samples);
    fragments.push({ offset, sizeBytes: fragment.sizeBytes, clip: part.placement.tracks, tracks });
    offset += fragment.sizeBytes;
    if (fragments.length > MAX_FRAGMENTS) throw new TooLongClip();
  }
  signal.throwIfAborted();
  if (head === undefined) throw new EmptyClip(reader.unplayable);
  const source = { index, wish, map, head, fragments };
  return {
    sizeBytes: offset,
    etag: etagOf(map, head, [Float64Array.from(fragments, ({ sizeBytes }) => sizeBytes)]),
    heldBytes: map.heldBytes + head.length + 300 * fragments.length,
    next: reader.next,
    startUtcUs: map.startUtcUs,
    endUtcUs: map.endUtcUs,
    bytes: (start, end, signalOfPart) => readFmp4(source, start, end, signalOfPart),
  };
}

interface Fmp4Fragment {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly clip: ClipTracks;
  /** In the order of the fragment. */
  readonly tracks: readonly { readonly trackIndex: number; readonly first: number; readonly count: number }[];
}

interface Fmp4Source {
  readonly index: RecordingIndex;
  readonly wish: ClipWish;
  readonly map: ClipMap;
  readonly head: Buffer;
  readonly fragments: readonly Fmp4Fragment[];
}

async function* readFmp4(source: Fmp4Source, start: number, end: number, signal: AbortSignal): AsyncGenerator<Buffer, undefined> {
  const { index, wish, map, head, fragments } = source;
  if (start < head.length) yield within(head, 0, start, end);
  const first = fragments.findIndex(({ offset, sizeBytes }) => offset + sizeBytes > start);
  if (first < 0 || fragments[first]!.offset >= end) return;
  const fetcher = new FrameFetcher(index, map, wish, cursorAt(source, first), signal);
  try {
    for (let i = first; i < fragments.length && fragments[i]!.offset < end; i++) {
      const { offset, sizeBytes, clip, tracks } = fragments[i]!;
      const samples: TrackSamples[] = [];
      for (const { trackIndex, count } of tracks) {
        samples.push({ trackIndex, samples: (await fetcher.take(trackIndex, count)).map(({ sample }) => sample) });
      }
      const fragment = fragmentOf(clip, samples, i);
      if (fragment?.sizeBytes !== sizeBytes) throw new FootageChanged();
      let at = offset;
      for (const buffer of fragment.buffers) {
        const wanted = within(buffer, at, start, end);
        at += buffer.length;
        if (wanted.length > 0) yield wanted;
      }
    }
  } finally {
    await fetcher.close();
  }
}

/** For each track the first frame of a fragment or of those behind it. */
function cursorAt({ fragments, map }: Fmp4Source, fragment: number): (number | undefined)[] {
  const cursor: (number | undefined)[] = [];
  let missing = map.trackIndexes.length;
  for (let i = fragment; i < fragments.length && missing > 0; i++) {
    for (const { trackIndex, first } of fragments[i]!.tracks) {
      if (cursor[trackIndex] !== undefined) continue;
      cursor[trackIndex] = first;
      missing--;
    }
  }
  return cursor;
}

function headOf(tracks: ClipTracks, durationMs: number): Buffer {
  return writeInit(tracks, { durationMs })!.bytes; // at least one is stored
}

/** Sound that begins before the start cannot be hurried through. */
function shownSamples({ placement, samples }: ClipPart): TrackSamples[] {
  const shown: TrackSamples[] = [];
  for (const { trackIndex, samples: own } of samples) {
    const isVideo = placement.tracks[trackIndex]?.track.kind === "video";
    const wanted = isVideo ? own : own.filter(({ dtsTicks }) => dtsTicks >= 0);
    if (wanted.length > 0) shown.push({ trackIndex, samples: wanted });
  }
  return shown;
}

function fragmentOf(tracks: ClipTracks, samples: readonly TrackSamples[], sequenceNumber: number): FragmentBytes | undefined {
  const moved = samples.map(({ trackIndex, samples: own }) => ({
    trackIndex,
    samples: tracks[trackIndex]?.track.kind === "video" ? notBeforeStart(own) : own,
  }));
  return writeFragment(tracks, moved, { sequenceNumber });
}

// A clip as a plain MP4 file: its index is made from one reading of the footage, its media is read again as it is asked for.
import { chunkAt, type Mp4Plan, planMp4 } from "#containers/fmp4/progressive.ts";
import type { Mp4Sample } from "#containers/fmp4/sample-tables.ts";
import { storedParts, storedSizeBytes } from "#containers/fmp4/stored-sample.ts";
import type { RecordingIndex } from "../recording-index.ts";
import { type ClipBody, etagOf, within } from "./clip-body.ts";
import { ClipMap } from "./clip-map.ts";
import { type ClipEnd, type ClipPart, ClipReader, type ClipWish, leadOf } from "./clip-reader.ts";
import { FootageChanged, FrameFetcher } from "./frame-fetcher.ts";
import { EmptyClip, TooLongClip } from "./no-clip.ts";

export interface Mp4Limits {
  /** Of all tracks: the index of a frame takes about 100 bytes of memory while it is made. */
  readonly maxFrames: number;
  /** Of media. */
  readonly maxBytes: number;
  /** Ends the file before what would be too much, at a keyframe where there is one; without it such a clip is refused. */
  readonly split?: boolean;
}

export const DEFAULT_LIMITS: Mp4Limits = { maxFrames: 1_000_000, maxBytes: 2 ** 40 };

export interface Mp4Clip extends ClipBody {
  /** There is footage that is not in it; undefined: it is all there. */
  readonly next: ClipEnd | undefined;
  /** UTC of what is shown first, and of the end of the last frame. */
  readonly startUtcUs: number;
  readonly endUtcUs: number;
}

/** Reads all of the footage once, and says how far it is. Rejects with EmptyClip or TooLongClip, and with the signal's reason when it is aborted. */
export async function openMp4Clip(
  index: RecordingIndex,
  wish: ClipWish,
  limits: Mp4Limits,
  signal: AbortSignal,
  onRead?: (utcUs: number) => void,
): Promise<Mp4Clip> {
  const reader = new ClipReader(index, wish);
  const contents = new Mp4Contents();
  let next: ClipEnd | undefined;
  for await (const part of reader.parts(signal)) {
    const cutUtcUs = contents.isFull(limits, part) ? contents.cutBefore(part, limits.split ?? false) : undefined;
    if (cutUtcUs !== undefined) {
      next = { fromUtcUs: cutUtcUs };
      break;
    }
    contents.add(part);
    const utcUs = startOfPart(part);
    if (utcUs !== undefined) onRead?.(utcUs);
  }
  signal.throwIfAborted();
  const plan = contents.plan();
  if (plan === undefined) throw new EmptyClip(reader.unplayable);
  return contents.clip(index, wish, plan, next ?? reader.next);
}

class Mp4Contents {
  readonly #map = new ClipMap();
  readonly #samples: Mp4Sample[][] = [];
  #frames = 0;
  #sizeBytes = 0;

  isFull({ maxFrames, maxBytes }: Mp4Limits, { samples }: ClipPart): boolean {
    return this.#frames + samples.reduce((sum, track) => sum + track.samples.length, 0) > maxFrames || this.#sizeBytes > maxBytes;
  }

  /** Where the next file begins; undefined: a player could not begin here. */
  cutBefore(part: ClipPart, split: boolean): number | undefined {
    if (!split) throw new TooLongClip();
    return this.#frames > 0 && leadOf(part)?.samples[0]?.keyframe ? startOfPart(part) : undefined;
  }

  add({ placement, samples }: ClipPart): void {
    this.#map.add(placement, samples);
    for (const { trackIndex, samples: own } of samples) {
      const stored = placement.tracks[trackIndex]!;
      this.#samples[trackIndex] ??= [];
      const list = this.#samples[trackIndex];
      for (const sample of own) {
        const { dtsTicks, ptsOffsetTicks, durationTicks, keyframe } = sample;
        const sizeBytes = storedSizeBytes(stored, sample);
        list.push({ dtsTicks, ptsOffsetTicks, durationTicks, keyframe, sizeBytes });
        this.#sizeBytes += sizeBytes;
        this.#frames++;
      }
    }
  }

  /** Undefined: there is nothing to show. */
  plan(): Mp4Plan | undefined {
    const tracks = this.#map.placements[0]?.placement.tracks;
    const isShown = this.#samples.some((own) => own.at(-1) !== undefined && own.at(-1)!.dtsTicks >= 0);
    if (tracks === undefined || !isShown) return undefined;
    const samples = tracks.map((track, trackIndex) => {
      const own = this.#samples[trackIndex] ?? [];
      return track?.track.kind === "video" ? startWithPicture(own) : own;
    });
    const plan = planMp4(tracks, samples, { originTicks: tracks.map(() => 0) });
    if (plan === undefined) throw new TooLongClip();
    return plan;
  }

  clip(index: RecordingIndex, wish: ClipWish, plan: Mp4Plan, next: ClipEnd | undefined): Mp4Clip {
    const map = this.#map;
    const sizes = this.#samples.map((own) => Uint32Array.from(own, ({ sizeBytes }) => sizeBytes));
    const heldBytes = map.heldBytes + plan.head.length + 4 * this.#frames + 100 * plan.chunks.length;
    return {
      sizeBytes: plan.sizeBytes,
      etag: etagOf(map, plan.head, sizes),
      heldBytes,
      next,
      startUtcUs: map.startUtcUs,
      endUtcUs: map.endUtcUs,
      bytes: (start, end, signal) => readMp4({ index, wish, map, plan, sizes }, start, end, signal),
    };
  }
}

/** UTC at which its first frame is shown, rounded down. */
function startOfPart(part: ClipPart): number | undefined {
  const { epochUtcUs, originTicks, tracks } = part.placement;
  const lead = leadOf(part);
  const clockRateHz = lead && tracks[lead.trackIndex]?.track.clockRateHz;
  const first = lead?.samples[0];
  if (clockRateHz === undefined || first === undefined) return undefined;
  return Math.floor(epochUtcUs + ((first.dtsTicks + first.ptsOffsetTicks + originTicks[lead!.trackIndex]!) * 1e6) / clockRateHz);
}

/**
 * The edit list of a track begins with a picture: the one that stands when the clip begins is moved to the start. Where none is there yet, what is decoded
 * before the start is so at the start, and no edit is needed.
 */
function startWithPicture(samples: readonly Mp4Sample[]): readonly Mp4Sample[] {
  const pts = ({ dtsTicks, ptsOffsetTicks }: Mp4Sample): number => dtsTicks + ptsOffsetTicks;
  const moved = [...samples];
  let standing = -1;
  for (let i = 0; i < samples.length && samples[i]!.dtsTicks <= 0; i++) {
    if (pts(samples[i]!) <= 0 && (standing < 0 || pts(samples[i]!) > pts(samples[standing]!))) standing = i;
  }
  if (standing >= 0) moved[standing] = { ...samples[standing]!, ptsOffsetTicks: -samples[standing]!.dtsTicks };
  else
    for (let i = 0; i < samples.length && samples[i]!.dtsTicks < 0; i++)
      moved[i] = { ...samples[i]!, dtsTicks: 0, ptsOffsetTicks: pts(samples[i]!) };
  return moved;
}

interface Mp4Source {
  readonly index: RecordingIndex;
  readonly wish: ClipWish;
  readonly map: ClipMap;
  readonly plan: Mp4Plan;
  /** By trackIndex, of each frame. */
  readonly sizes: readonly Uint32Array[];
}

/** The head, then chunk by chunk. */
async function* readMp4(source: Mp4Source, start: number, end: number, signal: AbortSignal): AsyncGenerator<Buffer, undefined> {
  const { plan } = source;
  const head = within(plan.head, 0, start, end);
  if (head.length > 0) yield head;
  const firstChunk = chunkAt(plan, Math.max(start, plan.head.length));
  if (firstChunk < 0 || end <= plan.head.length) return;
  const begin = firstFrame(source, firstChunk, start);
  const fetcher = new FrameFetcher(source.index, source.map, source.wish, cursorAt(source, firstChunk, begin.frame), signal);
  try {
    for (let i = firstChunk; i < plan.chunks.length && plan.chunks[i]!.offset < end; i++) {
      const { trackIndex, firstSample, sampleCount, offset } = plan.chunks[i]!;
      const from = i === firstChunk ? begin : { frame: firstSample, offset };
      const parts: Buffer[] = [];
      for (const { stored, sample } of await fetcher.take(trackIndex, firstSample + sampleCount - from.frame)) {
        const frame = from.frame + parts.length;
        const bytes = Buffer.concat(storedParts(stored, sample));
        if (bytes.length !== source.sizes[trackIndex]![frame]) throw new FootageChanged();
        parts.push(bytes);
      }
      yield within(Buffer.concat(parts), from.offset, start, end);
    }
  } finally {
    await fetcher.close();
  }
}

/** The frame of a chunk that holds a byte of the file, and where it begins. */
function firstFrame({ plan, sizes }: Mp4Source, chunk: number, position: number): { readonly frame: number; readonly offset: number } {
  const { trackIndex, firstSample, sampleCount, offset } = plan.chunks[chunk]!;
  let frame = firstSample;
  let at = offset;
  while (frame < firstSample + sampleCount - 1 && at + sizes[trackIndex]![frame]! <= position) at += sizes[trackIndex]![frame++]!;
  return { frame, offset: at };
}

/** For each track the first frame that comes at or behind a place in the file. */
function cursorAt({ plan, map }: Mp4Source, chunk: number, frame: number): (number | undefined)[] {
  const cursor: (number | undefined)[] = [];
  cursor[plan.chunks[chunk]!.trackIndex] = frame;
  let missing = map.trackIndexes.length - 1;
  for (let i = chunk + 1; i < plan.chunks.length && missing > 0; i++) {
    const { trackIndex, firstSample } = plan.chunks[i]!;
    if (cursor[trackIndex] !== undefined) continue;
    cursor[trackIndex] = firstSample;
    missing--;
  }
  return cursor;
}

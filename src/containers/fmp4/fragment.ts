// One fragment of an MP4 file: `moof` and `mdat`, ISO/IEC 14496-12 §8.8.4 to §8.8.8 and §8.8.12.
//
// The media is handed on, not copied: it may be megabytes for each camera and second. Each element of writev costs something, though: parts that
// are neighbours in memory are one, and those that are smaller than what a copy costs are joined.
import type { Sample, TrackSamples } from "../sample.ts";
import { appendStored, oneFrameEach } from "./stored-sample.ts";
import type { StoredTracks } from "./stored-track.ts";

export interface FragmentOptions {
  /** Of `mfhd`: grows by one in a file. */
  readonly sequenceNumber: number;
  /** By trackIndex: the decode time that is the file's tick 0; 0 where none is given. */
  readonly originTicks?: readonly number[];
}

export interface FragmentBytes {
  /** What to write, one after the other; views of the samples' memory among them. */
  readonly buffers: readonly Buffer[];
  readonly sizeBytes: number;
}

interface Run {
  readonly trackId: number;
  readonly decodeTime: number;
  readonly samples: readonly Sample[];
  readonly sizes: readonly number[];
  readonly mediaBytes: number;
  readonly flags: number;
}

/** §8.8.7 tf_flags: default-base-is-moof. */
const TFHD_FLAGS = 0x02_0000;
/** §8.8.8 tr_flags. Durations and sizes are always there: MediaMTX's playback knows no defaults. */
const DATA_OFFSET = 0x01;
const DURATIONS = 0x100;
const SIZES = 0x200;
const FLAGS = 0x400;
const COMPOSITION_OFFSETS = 0x800;
/** §8.8.3.1: depends on no other sample; depends on others and is no sync sample. */
const SYNC_SAMPLE = 0x0200_0000;
const NON_SYNC_SAMPLE = 0x0101_0000;

const MOOF_HEAD_BYTES = 8 + 16; // moof, mfhd
const TRAF_HEAD_BYTES = 8 + 16 + 20 + 20; // traf, tfhd, tfdt, trun up to its first sample
const MDAT_HEADER_BYTES = 8;
/** trun's data offset has 31 bits. */
const MAX_FRAGMENT_BYTES = 2 ** 31 - 1;
const MAX_U32 = 0xffff_ffff;
const MAX_I32 = 0x7fff_ffff;
/** Parts up to this are copied together. */
const JOINED_PART_BYTES = 1024;

/**
 * A `traf` for each track that has samples. Durations are the differences of decode times; the last sample's is its own. A decode time before the
 * origin counts as the origin. Undefined: there is nothing to write, or it is 2 GiB or more.
 */
export function writeFragment(tracks: StoredTracks, samples: readonly TrackSamples[], options: FragmentOptions): FragmentBytes | undefined {
  const media: Buffer[] = [];
  const runs: Run[] = [];
  let moofBytes = MOOF_HEAD_BYTES;
  let mediaBytes = 0;
  for (const { trackIndex, samples: given } of samples) {
    const stored = tracks[trackIndex];
    if (stored === undefined || given.length === 0) continue;
    const run = makeRun(stored.trackId, options.originTicks?.[trackIndex] ?? 0, oneFrameEach(stored, given), (sample) => {
      return appendStored(stored, sample, media);
    });
    runs.push(run);
    moofBytes += TRAF_HEAD_BYTES + run.samples.length * entryBytes(run.flags);
    mediaBytes += run.mediaBytes;
  }
  const sizeBytes = moofBytes + MDAT_HEADER_BYTES + mediaBytes;
  if (runs.length === 0 || sizeBytes > MAX_FRAGMENT_BYTES) return undefined;
  const head = Buffer.allocUnsafe(moofBytes + MDAT_HEADER_BYTES);
  writeMoof(head, moofBytes, runs, options.sequenceNumber);
  head.writeUInt32BE(MDAT_HEADER_BYTES + mediaBytes, moofBytes);
  head.write("mdat", moofBytes + 4, "latin1");
  return { buffers: joinSmall(joinNeighbours([head, ...media])), sizeBytes };
}

function makeRun(trackId: number, originTicks: number, samples: readonly Sample[], store: (sample: Sample) => number): Run {
  const sizes: number[] = [];
  let mediaBytes = 0;
  let flags = DATA_OFFSET | DURATIONS | SIZES;
  for (const sample of samples) {
    const sizeBytes = store(sample);
    sizes.push(sizeBytes);
    mediaBytes += sizeBytes;
    if (!sample.keyframe) flags |= FLAGS;
    if (sample.ptsOffsetTicks !== 0) flags |= COMPOSITION_OFFSETS;
  }
  return { trackId, decodeTime: Math.max(0, samples[0]!.dtsTicks - originTicks), samples, sizes, mediaBytes, flags };
}

function entryBytes(flags: number): number {
  return 8 + ((flags & FLAGS) !== 0 ? 4 : 0) + ((flags & COMPOSITION_OFFSETS) !== 0 ? 4 : 0);
}

function writeMoof(head: Buffer, moofBytes: number, runs: readonly Run[], sequenceNumber: number): void {
  let at = writeHeader(head, 0, moofBytes, "moof");
  at = writeFullHeader(head, at, 16, "mfhd", 0, 0);
  at = head.writeUInt32BE(sequenceNumber % 2 ** 32, at);
  let dataOffset = moofBytes + MDAT_HEADER_BYTES;
  for (const run of runs) {
    at = writeTraf(head, at, run, dataOffset);
    dataOffset += run.mediaBytes;
  }
}

function writeTraf(head: Buffer, start: number, run: Run, dataOffset: number): number {
  const { samples, flags } = run;
  const trunBytes = 20 + samples.length * entryBytes(flags);
  let at = writeHeader(head, start, 8 + 16 + 20 + trunBytes, "traf");
  at = writeFullHeader(head, at, 16, "tfhd", 0, TFHD_FLAGS);
  at = head.writeUInt32BE(run.trackId, at);
  at = writeFullHeader(head, at, 20, "tfdt", 1, 0);
  at = head.writeUInt32BE(Math.floor(run.decodeTime / 2 ** 32), at);
  at = head.writeUInt32BE(run.decodeTime % 2 ** 32, at);
  at = writeFullHeader(head, at, trunBytes, "trun", 1, flags); // version 1: signed composition offsets
  at = head.writeUInt32BE(samples.length, at);
  at = head.writeInt32BE(dataOffset, at);
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    const next = samples[i + 1];
    at = head.writeUInt32BE(clamp(next === undefined ? sample.durationTicks : next.dtsTicks - sample.dtsTicks, 0, MAX_U32), at);
    at = head.writeUInt32BE(run.sizes[i]!, at);
    if ((flags & FLAGS) !== 0) at = head.writeUInt32BE(sample.keyframe ? SYNC_SAMPLE : NON_SYNC_SAMPLE, at);
    if ((flags & COMPOSITION_OFFSETS) !== 0) at = head.writeInt32BE(clamp(sample.ptsOffsetTicks, -MAX_I32, MAX_I32), at);
  }
  return at;
}

function writeHeader(head: Buffer, at: number, sizeBytes: number, type: string): number {
  head.writeUInt32BE(sizeBytes, at);
  head.write(type, at + 4, "latin1");
  return at + 8;
}

function writeFullHeader(head: Buffer, at: number, sizeBytes: number, type: string, version: number, flags: number): number {
  return head.writeUInt32BE(version * 2 ** 24 + flags, writeHeader(head, at, sizeBytes, type));
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** Parts that stand one behind the other in memory become one. */
function joinNeighbours(parts: readonly Buffer[]): Buffer[] {
  const joined: Buffer[] = [];
  for (let i = 0; i < parts.length; ) {
    const first = parts[i]!;
    const { buffer, byteOffset } = first;
    let end = byteOffset + first.length;
    let next = i + 1;
    for (; next < parts.length && parts[next]!.byteOffset === end && parts[next]!.buffer === buffer; next++) end += parts[next]!.length;
    joined.push(next === i + 1 ? first : Buffer.from(buffer, byteOffset, end - byteOffset));
    i = next;
  }
  return joined;
}

/** Neighbours of up to JOINED_PART_BYTES each become one buffer. */
function joinSmall(parts: readonly Buffer[]): Buffer[] {
  const joined: Buffer[] = [];
  for (let i = 0; i < parts.length; ) {
    let end = i;
    let sizeBytes = 0;
    while (end < parts.length && parts[end]!.length <= JOINED_PART_BYTES) sizeBytes += parts[end++]!.length;
    if (end <= i + 1) {
      joined.push(parts[i++]!);
      continue;
    }
    const run = Buffer.allocUnsafe(sizeBytes);
    let at = 0;
    for (; i < end; i++) at += parts[i]!.copy(run, at);
    joined.push(run);
  }
  return joined;
}

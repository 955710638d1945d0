// Reads `moof`: which samples a fragment holds, where they stand and when they are shown; ISO/IEC 14496-12 §8.8.4 to §8.8.12.
import { type Box, childBoxes, findBox, parseBoxHeader, readU64 } from "./box-reader.ts";
import type { ParsedInit, ParsedTrack, SampleDefaults } from "./parse-init.ts";

/** One sample, as the file describes it. */
export interface SampleRange {
  readonly dtsTicks: number;
  /** Presentation minus decode time. Negative only in files of others. */
  readonly ptsOffsetTicks: number;
  readonly durationTicks: number;
  readonly keyframe: boolean;
  /** In the file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface TrackRanges {
  readonly trackIndex: number;
  /** In decode order. */
  readonly ranges: readonly SampleRange[];
}

/** When a track's samples of one fragment begin and end, by decode time. */
export interface TrackSpan {
  readonly trackIndex: number;
  readonly startTicks: number;
  readonly endTicks: number;
}

/** More samples in one fragment are hostile: 16 bytes of a `trun` can claim four thousand million. */
const MAX_SAMPLES = 65_536;

/** §8.8.7 tf_flags */
const BASE_DATA_OFFSET = 0x01;
const DESCRIPTION_INDEX = 0x02;
const DEFAULT_DURATION = 0x08;
const DEFAULT_SIZE = 0x10;
const DEFAULT_FLAGS = 0x20;
const BASE_IS_MOOF = 0x02_0000;
/** §8.8.8 tr_flags */
const DATA_OFFSET = 0x01;
const FIRST_SAMPLE_FLAGS = 0x04;
const DURATIONS = 0x100;
const SIZES = 0x200;
const FLAGS = 0x400;
const COMPOSITION_OFFSETS = 0x800;
/** §8.8.3.1 sample_is_non_sync_sample */
const NON_SYNC = 0x01_0000;

interface Traf {
  readonly trackIndex: number;
  readonly track: ParsedTrack;
  readonly decodeTime: number;
  readonly defaults: SampleDefaults;
  /** In the file; undefined: behind the data of the `traf` before. */
  readonly baseOffset: number | undefined;
  readonly truns: readonly Trun[];
}

interface Trun {
  readonly flags: number;
  readonly count: number;
  readonly dataOffset: number | undefined;
  readonly firstFlags: number | undefined;
  /** Where the entries begin, in `moof`. */
  readonly entriesAt: number;
  readonly entryBytes: number;
}

/**
 * The samples of a whole `moof` box. `moofOffset`: where it stands in the file. Tracks that the head does not know are left out. Undefined: broken.
 * What the offsets point at is not looked at, and they may point anywhere.
 */
export function parseMoof(init: ParsedInit, moof: Buffer, moofOffset: number): TrackRanges[] | undefined {
  const trafs = parseTrafs(init, moof, moofOffset);
  if (trafs === undefined) return undefined;
  const tracks: TrackRanges[] = [];
  let dataOffset = moofOffset;
  for (const traf of trafs) {
    const ranges: SampleRange[] = [];
    const baseOffset = traf.baseOffset ?? dataOffset;
    dataOffset = baseOffset;
    let dtsTicks = traf.decodeTime;
    for (const trun of traf.truns) {
      if (trun.dataOffset !== undefined) dataOffset = baseOffset + trun.dataOffset;
      for (const sample of trunSamples(moof, traf, trun)) {
        ranges.push({ dtsTicks, offset: dataOffset, ...sample });
        dtsTicks += sample.durationTicks;
        dataOffset += sample.sizeBytes;
      }
    }
    if (!Number.isSafeInteger(dtsTicks) || !Number.isSafeInteger(dataOffset)) return undefined;
    if (ranges.length > 0) tracks.push({ trackIndex: traf.trackIndex, ranges });
  }
  return tracks;
}

/** As `parseMoof`, without making the samples. */
export function fragmentSpans(init: ParsedInit, moof: Buffer): TrackSpan[] | undefined {
  return parseTrafs(init, moof, 0)?.map((traf) => {
    let endTicks = traf.decodeTime;
    for (const trun of traf.truns) {
      if ((trun.flags & DURATIONS) === 0) endTicks += trun.count * traf.defaults.durationTicks;
      else for (let i = 0; i < trun.count; i++) endTicks += moof.readUInt32BE(trun.entriesAt + i * trun.entryBytes);
    }
    return { trackIndex: traf.trackIndex, startTicks: traf.decodeTime, endTicks };
  });
}

type TrunSample = Omit<SampleRange, "dtsTicks" | "offset">;

/** Of linear samples, whose every instant may be a sample of its own, a run of equal ones is one. */
function trunSamples(moof: Buffer, traf: Traf, trun: Trun): TrunSample[] {
  const { defaults } = traf;
  const { flags, count } = trun;
  if (trun.entryBytes === 0 && traf.track.parameters.codec === "lpcm" && count > 0) {
    const [durationTicks, sizeBytes] = [count * defaults.durationTicks, count * defaults.sizeBytes];
    return [{ ptsOffsetTicks: 0, durationTicks, keyframe: true, sizeBytes }];
  }
  const samples: TrunSample[] = [];
  let at = trun.entriesAt;
  const field = (present: number, otherwise: number): number => {
    if ((flags & present) === 0) return otherwise;
    at += 4;
    return moof.readUInt32BE(at - 4);
  };
  for (let i = 0; i < count; i++) {
    const durationTicks = field(DURATIONS, defaults.durationTicks);
    const sizeBytes = field(SIZES, defaults.sizeBytes);
    const sampleFlags = field(FLAGS, i === 0 && trun.firstFlags !== undefined ? trun.firstFlags : defaults.flags);
    const ptsOffsetTicks = field(COMPOSITION_OFFSETS, 0) | 0; // version 0 has them unsigned, and writers of signed ones all the same
    samples.push({ ptsOffsetTicks, durationTicks, keyframe: traf.track.kind === "audio" || (sampleFlags & NON_SYNC) === 0, sizeBytes });
  }
  return samples;
}

function parseTrafs(init: ParsedInit, moof: Buffer, moofOffset: number): Traf[] | undefined {
  const box = parseBoxHeader(moof, 0, moof.length);
  if (box === undefined || box.type !== "moof" || box.end > moof.length) return undefined;
  const trafs: Traf[] = [];
  let samples = 0;
  let leftOut = false;
  for (const child of childBoxes(moof, box.body, box.end)) {
    if (child.type !== "traf") continue;
    const traf = parseTraf(init, moof, child, moofOffset, trafs.length === 0 && !leftOut);
    if (traf === "broken") return undefined;
    if (traf === undefined) {
      leftOut = true;
      continue;
    }
    if (traf.baseOffset === undefined && leftOut) return undefined; // behind data of unknown length
    for (const trun of traf.truns) samples += trun.entryBytes === 0 && traf.track.parameters.codec === "lpcm" ? 1 : trun.count;
    if (samples > MAX_SAMPLES) return undefined;
    trafs.push(traf);
  }
  return trafs;
}

/** Undefined: of a track that is not known. */
function parseTraf(init: ParsedInit, moof: Buffer, box: Box, moofOffset: number, isFirst: boolean): Traf | undefined | "broken" {
  const tfhd = findBox(moof, box, "tfhd");
  const tfdt = findBox(moof, box, "tfdt");
  if (tfhd === undefined || tfhd.body + 8 > tfhd.end) return "broken";
  const trackId = moof.readUInt32BE(tfhd.body + 4);
  const trackIndex = init.tracks.findIndex((track) => track.trackId === trackId);
  const track = init.tracks[trackIndex];
  if (track === undefined) return undefined;
  const decodeTime = tfdt && parseDecodeTime(moof, tfdt);
  const header = parseTrafHeader(moof, tfhd, track.defaults);
  const truns: Trun[] = [];
  for (const child of childBoxes(moof, box.body, box.end)) {
    if (child.type !== "trun") continue;
    const trun = parseTrun(moof, child);
    if (trun === undefined) return "broken";
    truns.push(trun);
  }
  if (decodeTime === undefined || header === undefined) return "broken";
  const baseOffset = header.baseOffset ?? (header.baseIsMoof || isFirst ? moofOffset : undefined);
  return { trackIndex, track, decodeTime, defaults: header.defaults, baseOffset, truns };
}

/** §8.8.12 */
function parseDecodeTime(moof: Buffer, { body, end }: Box): number | undefined {
  if (body + 8 > end) return undefined;
  if (moof[body] !== 1) return moof.readUInt32BE(body + 4);
  return body + 12 <= end ? readU64(moof, body + 4) : undefined;
}

interface TrafHeader {
  readonly baseOffset: number | undefined;
  readonly baseIsMoof: boolean;
  readonly defaults: SampleDefaults;
}

/** §8.8.7 */
function parseTrafHeader(moof: Buffer, { body, end }: Box, defaults: SampleDefaults): TrafHeader | undefined {
  const flags = moof.readUInt32BE(body) & 0xff_ffff;
  let at = body + 8;
  const field = (present: number, otherwise: number): number => {
    if ((flags & present) === 0) return otherwise;
    at += 4;
    return at <= end ? moof.readUInt32BE(at - 4) : Number.NaN;
  };
  let baseOffset: number | undefined;
  if ((flags & BASE_DATA_OFFSET) !== 0) {
    if (at + 8 > end) return undefined;
    baseOffset = readU64(moof, at);
    if (baseOffset === undefined) return undefined;
    at += 8;
  }
  field(DESCRIPTION_INDEX, 1);
  const durationTicks = field(DEFAULT_DURATION, defaults.durationTicks);
  const sizeBytes = field(DEFAULT_SIZE, defaults.sizeBytes);
  const sampleFlags = field(DEFAULT_FLAGS, defaults.flags);
  if (at > end) return undefined;
  return { baseOffset, baseIsMoof: (flags & BASE_IS_MOOF) !== 0, defaults: { durationTicks, sizeBytes, flags: sampleFlags } };
}

/** §8.8.8; the entries are all there. */
function parseTrun(moof: Buffer, { body, end }: Box): Trun | undefined {
  if (body + 8 > end) return undefined;
  const flags = moof.readUInt32BE(body) & 0xff_ffff;
  const count = moof.readUInt32BE(body + 4);
  const optional = ((flags & DATA_OFFSET) !== 0 ? 4 : 0) + ((flags & FIRST_SAMPLE_FLAGS) !== 0 ? 4 : 0);
  if (body + 8 + optional > end) return undefined;
  const entriesAt = body + 8 + optional;
  const entryBytes = [DURATIONS, SIZES, FLAGS, COMPOSITION_OFFSETS].filter((flag) => (flags & flag) !== 0).length * 4;
  if (entriesAt + count * entryBytes > end) return undefined;
  return {
    flags,
    count,
    dataOffset: (flags & DATA_OFFSET) !== 0 ? moof.readInt32BE(body + 8) : undefined,
    firstFlags: (flags & FIRST_SAMPLE_FLAGS) !== 0 ? moof.readUInt32BE(entriesAt - 4) : undefined,
    entriesAt,
    entryBytes,
  };
}

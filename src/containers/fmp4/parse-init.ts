// Reads the head of a fragmented MP4 file: `moov` with its tracks, in whatever order its boxes stand.
import { crc32 } from "node:zlib";
import type { ContainerTrack } from "../sample.ts";
import { type Box, childBoxes, findBox, parseBoxHeader, readU64 } from "./box-reader.ts";
import { FileWindow, MAX_BOX_BYTES, MAX_SKIPPED_BOXES } from "./file-window.ts";
import { type Mtxi, ntpOffsetOf, parseMtxi } from "./mtxi.ts";
import { parseSampleEntry, type SampleFraming } from "./parse-entry.ts";
import { type Pull, pullFrom } from "./pull.ts";
import { parseStampBox, type StampBox } from "./stamp-box.ts";

export interface ParsedTrack extends ContainerTrack {
  readonly trackId: number;
  /** Media time that is shown first, from the edit list; mostly 0. It is not taken off any time. */
  readonly editTicks: number;
  readonly framing: SampleFraming;
  /** What a fragment leaves unsaid, §8.8.3. */
  readonly defaults: SampleDefaults;
}

export interface SampleDefaults {
  readonly durationTicks: number;
  readonly sizeBytes: number;
  readonly flags: number;
}

export interface ParsedInit {
  /** In the file's order; a track of an unknown codec is left out. trackIndex is the place here. */
  readonly tracks: readonly ParsedTrack[];
  /** CRC-32 of what describes them all, known or not. */
  readonly tracksCrc: number;
  readonly mtxi: Mtxi | undefined;
  /** Where in the file its time stands; undefined without it. */
  readonly ntpOffset: number | undefined;
  readonly stamp: StampBox | undefined;
  /** 0: not known, as in a file that is being written. */
  readonly durationMs: number;
  /** Where in the file the duration stands, and in how many bytes: 4 or 8. */
  readonly durationOffset: number;
  readonly durationFieldBytes: 4 | 8;
  /** Behind `moov`. */
  readonly endOffset: number;
}

const MAX_TRACKS = 64;
const NO_DEFAULTS: SampleDefaults = { durationTicks: 0, sizeBytes: 0, flags: 0 };

/** The head of a file. Undefined: there is none before the first fragment, or it is broken, cut off or huge. */
export function* readInit(): Pull<ParsedInit | undefined> {
  const window = new FileWindow();
  let offset = 0;
  for (let skipped = 0; skipped < MAX_SKIPPED_BOXES; skipped++) {
    const box = yield* window.box(offset);
    if (box === undefined || box.type === "moof") return undefined;
    if (box.type === "moov") {
      const sizeBytes = box.end - box.start;
      if (sizeBytes > MAX_BOX_BYTES) return undefined;
      const bytes = yield* window.read(box.start, sizeBytes);
      const moov = bytes.length < sizeBytes ? undefined : parseBoxHeader(bytes, 0, bytes.length);
      return moov && parseMovie(bytes, moov, box.start);
    }
    offset = box.end;
    if (!Number.isSafeInteger(offset)) return undefined;
  }
  return undefined;
}

/** As `readInit`, of bytes from the start of the file that hold the whole `moov`. */
export function parseInit(bytes: Buffer): ParsedInit | undefined {
  return pullFrom(readInit(), bytes);
}

/** A whole `moov` box. `fileOffset`: where `bytes` stand in the file. Undefined: it is broken. */
function parseMovie(bytes: Buffer, moov: Box, fileOffset: number): ParsedInit | undefined {
  const children = childBoxes(bytes, moov.body, moov.end);
  const header = children.find(({ type }) => type === "mvhd");
  const movie = header && parseTimes(bytes, header);
  if (movie === undefined) return undefined;
  const mvex = children.find(({ type }) => type === "mvex");
  const defaults = mvex === undefined ? new Map<number, SampleDefaults>() : parseDefaults(bytes, mvex);
  const traks = children.filter(({ type }) => type === "trak").slice(0, MAX_TRACKS);
  const udta = children.find(({ type }) => type === "udta");
  const mtxiBox = udta && findBox(bytes, udta, "mtxi");
  const mtxi = mtxiBox && parseMtxi(bytes, mtxiBox);
  const stamps = children.filter(({ type }) => type === "uuid").map((box) => parseStampBox(bytes, box, fileOffset));
  return {
    tracksCrc: traks.reduce((crc, { start, end }) => crc32(bytes.subarray(start, end), crc), 0),
    tracks: traks.map((trak) => parseTrack(bytes, trak, defaults)).filter((track) => track !== undefined),
    mtxi,
    ntpOffset: mtxi && ntpOffsetOf(mtxiBox!, fileOffset),
    stamp: stamps.find((stamp) => stamp !== undefined),
    durationMs: (movie.duration * 1000) / movie.timescale,
    durationOffset: fileOffset + movie.durationAt,
    durationFieldBytes: movie.fieldBytes,
    endOffset: fileOffset + moov.end,
  };
}

interface Times {
  readonly timescale: number;
  readonly duration: number;
  readonly durationAt: number;
  readonly fieldBytes: 4 | 8;
}

/** `mvhd` and `mdhd` begin alike, §8.2.2 and §8.4.2: two dates, timescale, duration. A duration of all ones is not known. */
function parseTimes(bytes: Buffer, { body, end }: Box): Times | undefined {
  const version = bytes[body];
  const fieldBytes = version === 1 ? 8 : 4;
  const durationAt = body + 4 + 2 * fieldBytes + 4;
  if (durationAt + fieldBytes > end || (version !== 0 && version !== 1)) return undefined;
  const timescale = bytes.readUInt32BE(durationAt - 4);
  const field = fieldBytes === 8 ? readU64(bytes, durationAt) : bytes.readUInt32BE(durationAt);
  const duration = field === undefined || (fieldBytes === 4 && field === 0xffff_ffff) ? 0 : field;
  return timescale === 0 ? undefined : { timescale, duration, durationAt, fieldBytes };
}

function parseDefaults(bytes: Buffer, mvex: Box): Map<number, SampleDefaults> {
  const defaults = new Map<number, SampleDefaults>();
  for (const { type, body, end } of childBoxes(bytes, mvex.body, mvex.end)) {
    if (type !== "trex" || body + 24 > end) continue;
    const [durationTicks, sizeBytes, flags] = [bytes.readUInt32BE(body + 12), bytes.readUInt32BE(body + 16), bytes.readUInt32BE(body + 20)];
    defaults.set(bytes.readUInt32BE(body + 4), { durationTicks, sizeBytes, flags });
  }
  return defaults;
}

function parseTrack(bytes: Buffer, trak: Box, defaults: ReadonlyMap<number, SampleDefaults>): ParsedTrack | undefined {
  const tkhd = findBox(bytes, trak, "tkhd");
  const mdhd = findBox(bytes, trak, "mdia", "mdhd");
  const stsd = findBox(bytes, trak, "mdia", "minf", "stbl", "stsd");
  const trackId = tkhd && parseTrackId(bytes, tkhd);
  const media = mdhd && parseTimes(bytes, mdhd);
  if (trackId === undefined || media === undefined || stsd === undefined) return undefined;
  const [entry] = childBoxes(bytes, stsd.body + 8, stsd.end);
  const parsed = entry && parseSampleEntry(bytes, entry, media.timescale);
  if (parsed === undefined) return undefined;
  const elst = findBox(bytes, trak, "edts", "elst");
  return {
    kind: parsed.kind,
    clockRateHz: media.timescale,
    parameters: parsed.parameters,
    trackId,
    editTicks: elst === undefined ? 0 : parseEditTicks(bytes, elst),
    framing: parsed.framing,
    defaults: defaults.get(trackId) ?? NO_DEFAULTS,
  };
}

/** §8.3.2 */
function parseTrackId(bytes: Buffer, { body, end }: Box): number | undefined {
  const at = body + 4 + (bytes[body] === 1 ? 16 : 8);
  return at + 4 <= end ? bytes.readUInt32BE(at) : undefined;
}

/** media_time of the first edit that is not empty, §8.6.6. */
function parseEditTicks(bytes: Buffer, { body, end }: Box): number {
  const fieldBytes = bytes[body] === 1 ? 8 : 4;
  for (let at = body + 8; at + 2 * fieldBytes + 4 <= end; at += 2 * fieldBytes + 4) {
    const time = fieldBytes === 8 ? Number(bytes.readBigInt64BE(at + 8)) : bytes.readInt32BE(at + 4);
    if (time >= 0 && Number.isSafeInteger(time)) return time;
  }
  return 0;
}

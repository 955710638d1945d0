// Reads the encoder output in testdata folders that is no Annex B stream: the frames of each file as the relay would carry them.
import { readFileSync } from "node:fs";
import { parseAc3Syncframe } from "#codecs/ac3/syncframe.ts";
import { nextStartCode } from "#codecs/annex-b.ts";
import { leb128Bytes, leb128Value } from "#codecs/av1/leb128.ts";
import { ObuType, obuType, splitObus } from "#codecs/av1/obu.ts";
import { parseMp3Header } from "#codecs/mp3/header.ts";
import { isMpegSlice, MpegStartCode } from "#codecs/mpeg1-video/headers.ts";
import { Mpeg4StartCode } from "#codecs/mpeg4-video/headers.ts";

/** The temporal units of an `.obu` file: their OBUs without size fields and temporal delimiters. */
export function readObuFile(file: URL): Buffer[][] {
  const bytes = readFileSync(file);
  const units: Buffer[][] = [];
  for (let at = 0; at < bytes.length; ) {
    const sizeBytes = leb128Bytes(bytes, at + 1, bytes.length);
    const end = at + 1 + sizeBytes + leb128Value(bytes, at + 1, sizeBytes);
    if (obuType(bytes[at]!) === ObuType.temporalDelimiter) units.push([]);
    else units.at(-1)!.push(...splitObus(bytes.subarray(at, end))!);
    at = end;
  }
  return units;
}

/** The frames of an `.ivf` file: 32 bytes of header, then each frame behind its size and time. */
export function readIvfFile(file: URL): Buffer[] {
  const bytes = readFileSync(file);
  const frames: Buffer[] = [];
  for (let at = 32; at < bytes.length; ) {
    const end = at + 12 + bytes.readUInt32LE(at);
    frames.push(bytes.subarray(at + 12, end));
    at = end;
  }
  return frames;
}

/** Cuts behind each picture: at the first header that `begins` says yes to once a picture was seen. */
function splitPictures(file: URL, isPicture: (code: number) => boolean, begins: (code: number) => boolean): Buffer[] {
  const bytes = readFileSync(file);
  const frames: Buffer[] = [];
  let start = 0;
  let seen = false;
  for (let at = 0; at + 3 < bytes.length; at = nextStartCode(bytes, at + 3, bytes.length)) {
    const code = bytes[at + 3]!;
    if (seen && begins(code)) {
      frames.push(bytes.subarray(start, at));
      start = at;
      seen = false;
    }
    if (isPicture(code)) seen = true;
  }
  frames.push(bytes.subarray(start));
  return frames;
}

/** The pictures of an `.m4v` file with the headers before them. */
export function readMpeg4File(file: URL): Buffer[] {
  const isVop = (code: number) => code === Mpeg4StartCode.vop;
  return splitPictures(
    file,
    isVop,
    (code) => isVop(code) || code === Mpeg4StartCode.groupOfVop || code === Mpeg4StartCode.visualObjectSequence,
  );
}

/** The pictures of an `.m1v` or `.m2v` file with the headers before them. */
export function readMpegVideoFile(file: URL): Buffer[] {
  const begins: readonly number[] = [MpegStartCode.picture, MpegStartCode.groupOfPictures, MpegStartCode.sequenceHeader];
  return splitPictures(file, isMpegSlice, (code) => begins.includes(code));
}

function splitBySize(file: URL, sizeOf: (bytes: Buffer, at: number) => number | undefined): Buffer[] {
  const bytes = readFileSync(file);
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const sizeBytes = sizeOf(bytes, at);
    if (sizeBytes === undefined) throw new Error(`no frame at byte ${at}`);
    frames.push(bytes.subarray(at, at + sizeBytes));
    at += sizeBytes;
  }
  return frames;
}

/** The frames of an `.mp2` or `.mp3` file without tags. */
export function readMp3File(file: URL): Buffer[] {
  return splitBySize(file, (bytes, at) => parseMp3Header(bytes, at)?.frameBytes);
}

/** The syncframes of an `.ac3` file. */
export function readAc3File(file: URL): Buffer[] {
  return splitBySize(file, (bytes, at) => parseAc3Syncframe(bytes, at)?.frameBytes);
}

/** The AudioMuxElements of a `.latm` file: behind the syncword and length of AudioSyncStream(), ISO/IEC 14496-3 §1.7.2. */
export function readLoasFile(file: URL): Buffer[] {
  const framed = splitBySize(file, (bytes, at) => 3 + (bytes.readUInt16BE(at + 1) & 0x1fff));
  return framed.map((element) => element.subarray(3));
}

// What must come out of the gateway as it went in: the coded pictures, sound frames and samples of a stream, whatever carries them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseAdts } from "#codecs/aac/adts.ts";
import { splitAnnexB } from "#codecs/annex-b.ts";
import { H264NalType, h264NalType } from "#codecs/h264/nal.ts";
import { H265NalType, h265NalType } from "#codecs/h265/nal.ts";
import { parseJpeg } from "#codecs/mjpeg/jpeg.ts";
import { parseFramehash } from "../peers/ffmpeg.ts";
import type { CodedFormat } from "./coded-file.ts";

/** ffmpeg's muxer for each codec: the one whose output `elementsOfMuxed` reads. */
const MUXERS: Readonly<Record<CodedFormat, readonly string[]>> = {
  h264: ["-f", "h264"],
  h265: ["-f", "hevc"],
  mjpeg: ["-f", "mjpeg"],
  aac: ["-f", "adts"],
  pcma: ["-f", "alaw"],
  pcmu: ["-f", "mulaw"],
  l16: ["-f", "s16be"],
  opus: ["-f", "framehash", "-hash", "md5"],
  vp8: ["-f", "framehash", "-hash", "md5"],
  mpeg4: ["-f", "framehash", "-hash", "md5"],
  mpeg2: ["-f", "framehash", "-hash", "md5"],
  mp3: ["-f", "framehash", "-hash", "md5"],
};

export function muxerOf(codec: CodedFormat): readonly string[] {
  return MUXERS[codec];
}

/** The elements of a file that ffmpeg wrote with `muxerOf`. */
export async function elementsOfMuxed(codec: CodedFormat, file: string): Promise<string[]> {
  const bytes = await readFile(file);
  switch (codec) {
    case "mjpeg":
      return elementsOfFrames(codec, splitJpegs(bytes));
    case "aac":
      return elementsOfFrames(codec, splitAdts(bytes));
    case "opus":
    case "vp8":
    case "mpeg4":
    case "mpeg2":
    case "mp3":
      return parseFramehash(bytes.toString("utf8")).map(({ md5 }) => md5);
    default:
      return elementsOfFrames(codec, [bytes]);
  }
}

/**
 * A text for each NAL unit, each JPEG scan, each coded sound frame, the samples of each instant. Parameter sets and delimiters are left out: they
 * may be repeated or sent out of band; so are JPEG headers, which RTP does not carry (RFC 2435 §3.1).
 */
export function elementsOfFrames(codec: CodedFormat, frames: readonly Buffer[]): string[] {
  switch (codec) {
    case "h264":
      return frames.flatMap((frame) => nalUnits(frame).filter(isH264Coded).map(md5Of));
    case "h265":
      return frames.flatMap((frame) => nalUnits(frame).filter(isH265Coded).map(md5Of));
    case "mjpeg":
      return frames.map((frame) => md5Of(withoutEoi(parseJpeg(frame)!.scan)));
    case "pcma":
    case "pcmu":
      return samples(Buffer.concat(frames), 1);
    case "l16":
      return samples(Buffer.concat(frames), 4);
    default:
      return frames.map(md5Of);
  }
}

/** Asserts that `part` is `least` elements or more of `whole`, one after the other; `whole` may have begun anew behind its end. */
export function assertRunOf(whole: readonly string[], part: readonly string[], least: number): void {
  assert.ok(part.length >= least, `${part.length} elements came, ${least} are wanted`);
  const looped = whole.concat(whole.slice(0, part.length)).join("");
  if (looped.includes(part.join(""))) return;
  let reach = 0;
  for (let step = part.length; step > 0; step >>= 1) while (looped.includes(part.slice(0, reach + step).join(""))) reach += step;
  assert.fail(`element ${reach} of ${part.length} does not follow the one before it as it did in the source`);
}

const md5Of = (bytes: Buffer): string => createHash("md5").update(bytes).digest("hex");
const nalUnits = (annexB: Buffer): Buffer[] => splitAnnexB(annexB, Number.POSITIVE_INFINITY);

function isH264Coded(nal: Buffer): boolean {
  const type = h264NalType(nal[0]!);
  return type !== H264NalType.sps && type !== H264NalType.pps && type !== H264NalType.accessUnitDelimiter;
}

function isH265Coded(nal: Buffer): boolean {
  const type = h265NalType(nal[0]!);
  const { vps, sps, pps, accessUnitDelimiter } = H265NalType;
  return type !== vps && type !== sps && type !== pps && type !== accessUnitDelimiter;
}

/** GStreamer sends the EOI as part of the scan, and ffmpeg puts one more behind it. */
function withoutEoi(scan: Buffer): Buffer {
  return scan.subarray(-2).toString("hex") === "ffd9" ? scan.subarray(0, -2) : scan;
}

function samples(bytes: Buffer, sizeBytes: number): string[] {
  return Array.from({ length: Math.floor(bytes.length / sizeBytes) }, (_, i) => bytes.toString("hex", i * sizeBytes, (i + 1) * sizeBytes));
}

/** Images stand one after the other: EOI, SOI. */
function splitJpegs(bytes: Buffer): Buffer[] {
  const images: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const seam = bytes.indexOf("ffd9ffd8", start, "hex");
    const end = seam === -1 ? bytes.length : seam + 2;
    images.push(bytes.subarray(start, end));
    start = end;
  }
  return images;
}

function splitAdts(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const header = parseAdts(bytes, at);
    if (header === undefined) throw new Error(`no ADTS header at byte ${at}`);
    frames.push(bytes.subarray(at + header.headerBytes, at + header.frameBytes));
    at += header.frameBytes;
  }
  return frames;
}

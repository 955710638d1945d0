// Reads the encoder output in testdata folders: byte streams with an access unit delimiter before each frame, and their times.
import { readFileSync } from "node:fs";
import { parseAdts } from "#codecs/aac/adts.ts";
import { splitAnnexB } from "#codecs/annex-b.ts";
import type { Parameters } from "#codecs/codec.ts";
import { H264NalType, h264NalType } from "#codecs/h264/nal.ts";
import { H265NalType, h265NalType } from "#codecs/h265/nal.ts";
import { mergeH264Sets, mergeH265Sets } from "#codecs/parameter-sets.ts";

export interface CodedClip {
  readonly parameters: Parameters;
  /** NAL units without start codes, in decode order; the delimiters are part of them. */
  readonly frames: readonly (readonly Buffer[])[];
}

export interface ClipTimes {
  readonly clockRateHz: number;
  /** In decode order, ticks. */
  readonly pts: readonly number[];
  readonly dts: readonly number[];
}

/** `.h264` or `.h265`, by the name's end. */
export function readCodedClip(file: URL): CodedClip {
  const isH264 = file.pathname.endsWith(".h264");
  const nalUnits = splitAnnexB(readFileSync(file), 65_536);
  const frames: Buffer[][] = [];
  for (const nalUnit of nalUnits) {
    const isDelimiter = isH264
      ? h264NalType(nalUnit[0]!) === H264NalType.accessUnitDelimiter
      : h265NalType(nalUnit[0]!) === H265NalType.accessUnitDelimiter;
    if (isDelimiter || frames.length === 0) frames.push([]);
    frames[frames.length - 1]!.push(nalUnit);
  }
  const parameters = isH264
    ? mergeH264Sets({ codec: "h264", sps: [], pps: [] }, nalUnits)
    : mergeH265Sets({ codec: "h265", vps: [], sps: [], pps: [] }, nalUnits);
  return { parameters, frames };
}

/** The times ffprobe gives for the clip, from the `.times.json` beside it. */
export function readClipTimes(file: URL): ClipTimes {
  return JSON.parse(readFileSync(new URL(file.pathname.replace(/\.h26[45]$/, ".times.json"), file), "utf8"));
}

/** The raw frames of an `.aac` file: without their ADTS headers. */
export function readAdtsFrames(file: URL): Buffer[] {
  const bytes = readFileSync(file);
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const header = parseAdts(bytes, at);
    if (header === undefined) throw new Error(`no ADTS header at byte ${at}`);
    frames.push(bytes.subarray(at + header.headerBytes, at + header.frameBytes));
    at += header.frameBytes;
  }
  return frames;
}

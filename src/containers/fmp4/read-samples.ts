// Takes the samples of a fragment out of the file's bytes and apart into frames.
import { splitObus } from "#codecs/av1/obu.ts";
import { MAX_NALS_PER_FRAME } from "#codecs/limits.ts";
import type { Sample, TrackSamples } from "../sample.ts";
import type { SampleFraming } from "./parse-entry.ts";
import type { TrackRanges } from "./parse-fragment.ts";
import type { ParsedInit } from "./parse-init.ts";

/**
 * Frames as views of `bytes`, which begin at `bytesOffset` of the file; AV1 and little-endian PCM are copied. Samples that are not wholly in `bytes`,
 * empty or broken are left out, and so are tracks without any.
 */
export function readSamples(init: ParsedInit, tracks: readonly TrackRanges[], bytes: Buffer, bytesOffset: number): TrackSamples[] {
  const read: TrackSamples[] = [];
  for (const { trackIndex, ranges } of tracks) {
    const track = init.tracks[trackIndex];
    if (track === undefined) continue;
    const samples: Sample[] = [];
    for (const { offset, sizeBytes, ...times } of ranges) {
      const at = offset - bytesOffset;
      if (at < 0 || at + sizeBytes > bytes.length) continue;
      const frame = splitSample(bytes.subarray(at, at + sizeBytes), track.framing);
      if (frame !== undefined) samples.push({ ...times, frame });
    }
    if (samples.length > 0) read.push({ trackIndex, samples });
  }
  return read;
}

/** One sample as a frame; undefined when it is empty or broken. */
export function splitSample(bytes: Buffer, framing: SampleFraming): readonly Buffer[] | undefined {
  if (bytes.length === 0) return undefined;
  switch (framing.kind) {
    case "nal":
      return splitNalUnits(bytes, framing.lengthBytes);
    case "obu": {
      const obus = splitObus(bytes);
      return obus === undefined || obus.length === 0 ? undefined : obus;
    }
    case "pcm-swapped":
      return [swapBytes(bytes, framing.lengthBytes)];
    case "plain":
      return [bytes];
  }
}

function splitNalUnits(bytes: Buffer, lengthBytes: number): Buffer[] | undefined {
  const nalUnits: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const body = at + lengthBytes;
    if (body > bytes.length) return undefined;
    const end = body + bytes.readUIntBE(at, lengthBytes);
    if (end > bytes.length || nalUnits.length >= MAX_NALS_PER_FRAME) return undefined;
    if (end > body) nalUnits.push(bytes.subarray(body, end));
    at = end;
  }
  return nalUnits.length > 0 ? nalUnits : undefined;
}

/** Of each value; what is left over at the end is left out. */
function swapBytes(bytes: Buffer, valueBytes: number): Buffer {
  const swapped = Buffer.allocUnsafe(bytes.length - (bytes.length % valueBytes));
  for (let at = 0; at < swapped.length; at++) {
    const within = at % valueBytes;
    swapped[at] = bytes[at - within + (valueBytes - 1 - within)]!;
  }
  return swapped;
}

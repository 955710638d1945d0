// How a frame becomes the bytes of a sample: lengths before NAL units (ISO/IEC 14496-15 §4.3), sizes in OBUs, G.711 as linear samples.
//
// Access unit delimiters and filler data are left out: a decoder needs neither, the container tells where a frame begins, and filler is what a
// camera with a constant bit rate would fill the card with. So are parameter sets when the sample entry holds all of a frame's byte for byte;
// a set that differs keeps the others with it, since a decoder forgets the PPS of an SPS that it sees changed.
import { joinObus, ObuType, obuType } from "#codecs/av1/obu.ts";
import { decodeG711 } from "#codecs/g711/decode.ts";
import { H264NalType, h264NalType } from "#codecs/h264/nal.ts";
import { H265NalType, h265NalType } from "#codecs/h265/nal.ts";
import type { Sample } from "../sample.ts";
import type { StoredTrack } from "./stored-track.ts";

/** ITU-T H.264 and H.265, table 7-1 of both. */
const H264_FILLER = 12;
const H265_FILLER = 38;
const LENGTH_BYTES = 4;

/** Appends the bytes of one sample as they stand in the file, mostly as views of the frame. Returns how many they are. */
export function appendStored(stored: StoredTrack, sample: Sample, into: Buffer[]): number {
  const { parameters } = stored.track;
  switch (parameters.codec) {
    case "h264":
      return appendNalUnits(stored, sample, h264Role, into);
    case "h265":
      return appendNalUnits(stored, sample, h265Role, into);
    case "av1":
      return append(joinObus(withSequenceHeader(sample, parameters.sequenceHeader)), into);
    case "g711": {
      let sizeBytes = 0;
      for (const coded of sample.frame) sizeBytes += append(decodeG711(coded, parameters.muLaw), into);
      return sizeBytes;
    }
    default: {
      let sizeBytes = 0;
      for (const part of sample.frame) sizeBytes += append(part, into);
      return sizeBytes;
    }
  }
}

/** The bytes of one sample as they stand in the file. */
export function storedParts(stored: StoredTrack, sample: Sample): Buffer[] {
  const parts: Buffer[] = [];
  appendStored(stored, sample, parts);
  return parts;
}

/** What `storedParts` add up to. */
export function storedSizeBytes(stored: StoredTrack, sample: Sample): number {
  if (stored.track.parameters.codec === "g711") return sample.frame.reduce((sum, coded) => sum + 2 * coded.length, 0);
  return appendStored(stored, sample, []);
}

/**
 * Audio samples of several coded frames as one sample each, which share the time evenly: all frames of one RTP packet are of one length. The
 * same array when there are none. Linear samples need no splitting.
 */
export function oneFrameEach(stored: StoredTrack, samples: readonly Sample[]): readonly Sample[] {
  const { kind, parameters } = stored.track;
  if (kind !== "audio" || parameters.codec === "lpcm" || parameters.codec === "g711") return samples;
  if (samples.every(({ frame }) => frame.length === 1)) return samples;
  return samples.flatMap((sample) => {
    const count = sample.frame.length;
    const share = (i: number) => Math.floor((sample.durationTicks * i) / count);
    return sample.frame.map((coded, i): Sample => {
      return { ...sample, dtsTicks: sample.dtsTicks + share(i), durationTicks: share(i + 1) - share(i), frame: [coded] };
    });
  });
}

function append(part: Buffer, into: Buffer[]): number {
  into.push(part);
  return part.length;
}

type NalRole = "kept" | "dropped" | "sps" | "set";

function h264Role(headerByte: number): NalRole {
  switch (h264NalType(headerByte)) {
    case H264NalType.accessUnitDelimiter:
    case H264_FILLER:
      return "dropped";
    case H264NalType.sps:
      return "sps";
    case H264NalType.pps:
      return "set";
    default:
      return "kept";
  }
}

function h265Role(headerByte: number): NalRole {
  switch (h265NalType(headerByte)) {
    case H265NalType.accessUnitDelimiter:
    case H265_FILLER:
      return "dropped";
    case H265NalType.sps:
      return "sps";
    case H265NalType.vps:
    case H265NalType.pps:
      return "set";
    default:
      return "kept";
  }
}

function appendNalUnits(stored: StoredTrack, sample: Sample, roleOf: (headerByte: number) => NalRole, into: Buffer[]): number {
  const { entrySets, keyframeSets } = stored;
  let sets = 0;
  let known = 0;
  let hasSps = false;
  for (const nalUnit of sample.frame) {
    const role = nalUnit.length === 0 ? "dropped" : roleOf(nalUnit[0]!);
    if (role === "kept" || role === "dropped") continue;
    sets++;
    hasSps ||= role === "sps";
    if (entrySets.some((set) => set.equals(nalUnit))) known++;
  }
  let sizeBytes = 0;
  // A frame that brings an SPS brings all that it needs, unless all it brings is left out.
  if (sample.keyframe && (!hasSps || known === sets)) for (const set of keyframeSets) sizeBytes += appendNalUnit(set, false, into);
  for (const nalUnit of sample.frame) {
    const role = nalUnit.length === 0 ? "dropped" : roleOf(nalUnit[0]!);
    if (role === "dropped" || (role !== "kept" && known === sets)) continue;
    sizeBytes += appendNalUnit(nalUnit, sample.prefixed === true, into);
  }
  return sizeBytes;
}

/** `isPrefixed`: it stands behind its length already. */
function appendNalUnit(nalUnit: Buffer, isPrefixed: boolean, into: Buffer[]): number {
  if (isPrefixed) return append(Buffer.from(nalUnit.buffer, nalUnit.byteOffset - LENGTH_BYTES, LENGTH_BYTES + nalUnit.length), into);
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(nalUnit.length, 0);
  into.push(length, nalUnit);
  return LENGTH_BYTES + nalUnit.length;
}

/** A sync sample holds the sequence header, AV1 in ISOBMFF §2.4. */
function withSequenceHeader({ keyframe, frame }: Sample, sequenceHeader: Buffer | undefined): readonly Buffer[] {
  if (!keyframe || sequenceHeader === undefined) return frame;
  const has = frame.some((obu) => obu.length > 0 && obuType(obu[0]!) === ObuType.sequenceHeader);
  return has ? frame : [sequenceHeader, ...frame];
}

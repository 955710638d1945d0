// The frames of a recording and those that a reader got, in a form in which one can be found in the other.
import { createHash } from "node:crypto";
import type { Codec, Parameters } from "#codecs/codec.ts";
import { frameTicks } from "#codecs/frame-ticks.ts";
import { decodeG711 } from "#codecs/g711/decode.ts";
import { h264NalType, isH264Slice } from "#codecs/h264/nal.ts";
import { h265NalType, isH265Slice } from "#codecs/h265/nal.ts";
import type { Sample } from "#containers/sample.ts";
import type { RecordingIndex } from "#record/recording-index.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { stampOf } from "../clip-media.ts";

/** A frame out of a recording. */
export interface RecordedFrame extends Sample {
  readonly digest: string;
  readonly clockRateHz: number;
  /** When it is shown. */
  readonly utcUs: number;
  readonly runId: string;
}

/** A frame that a reader got. */
export interface HeardFrame {
  readonly digest: string;
  /** By its stamp; without one as the gateway has it. */
  readonly captureUs: number;
  readonly keyframe: boolean;
  readonly damaged: boolean;
}

/** The frames of the first track of a kind, in the order of the recording. */
export async function readFrames(index: RecordingIndex, path: string, kind: Track["kind"]): Promise<readonly RecordedFrame[]> {
  const { signal } = new AbortController();
  const frames: RecordedFrame[] = [];
  for await (const footage of index.read(path, 0, Number.MAX_SAFE_INTEGER, signal)) {
    const trackIndex = footage.tracks.findIndex((track) => track.kind === kind);
    if (trackIndex < 0) continue;
    const { runId, epochUtcUs } = footage;
    const { clockRateHz, parameters } = footage.tracks[trackIndex]!;
    for await (const fragment of footage.fragments(signal)) {
      const samples = fragment.samples.find((track) => track.trackIndex === trackIndex)?.samples ?? [];
      for (const sample of samples) {
        const utcUs = epochUtcUs + ((sample.dtsTicks + sample.ptsOffsetTicks) * 1e6) / clockRateHz;
        frames.push({ ...sample, digest: digestOf(parameters.codec, sample.frame), clockRateHz, utcUs, runId });
      }
    }
  }
  return frames;
}

/** `isStamped`: stamps in it, if there are any, can be believed. */
export function heardFrame({ track, frame = [], captureUs, keyframe, damaged }: Unit, isStamped: boolean): HeardFrame {
  const stamp = isStamped ? stampOf(frame) : undefined;
  return {
    digest: digestOf(track.codec, storedFrame(track.parameters, frame)),
    captureUs: stamp?.captureUs ?? captureUs,
    keyframe,
    damaged,
  };
}

/** The frames of a unit of sound, each with the time it was captured at. */
export function heardSounds({ track, frame = [], captureUs }: Unit): readonly Pick<HeardFrame, "digest" | "captureUs">[] {
  const { codec, parameters, clockRateHz } = track;
  let ticks = 0;
  return frame.map((coded) => {
    const atUs = captureUs + (ticks * 1e6) / clockRateHz;
    ticks += frameTicks(parameters, coded);
    return { digest: digestOf(codec, storedFrame(parameters, [coded])), captureUs: atUs };
  });
}

/** As containers hold it. */
function storedFrame(parameters: Parameters, frame: readonly Buffer[]): readonly Buffer[] {
  return parameters.codec === "g711" ? frame.map((coded) => decodeG711(coded, parameters.muLaw)) : frame;
}

/** Of what a decoder would show, and of the stamp: containers keep parameter sets elsewhere. */
function digestOf(codec: Codec, frame: readonly Buffer[]): string {
  const hash = createHash("sha1");
  const isSlice = codec === "h264" ? isH264SliceNal : codec === "h265" ? isH265SliceNal : undefined;
  for (const part of frame) if (isSlice === undefined || isSlice(part)) hash.update(part);
  return `${stampOf(frame)?.number ?? ""} ${hash.digest("base64")}`;
}

function isH264SliceNal(nal: Buffer): boolean {
  return isH264Slice(h264NalType(nal[0]!));
}

function isH265SliceNal(nal: Buffer): boolean {
  return isH265Slice(h265NalType(nal[0]!));
}

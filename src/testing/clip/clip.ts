// The demo's clip: 20 seconds of a gate as raw elementary streams, read without any tool. make-clip.ts makes them.
import { readFileSync } from "node:fs";
import { splitAnnexB } from "#codecs/annex-b.ts";
import { H264NalType, h264NalType, isH264Slice } from "#codecs/h264/nal.ts";

export const CLIP_FILES = {
  video: new URL("gate.h264", import.meta.url),
  audio: new URL("gate.alaw", import.meta.url),
} as const;

/** Picture and sound have exactly the same length, and the last frame leads into the first: to be played in a loop. */
export const CLIP_FORMAT = {
  width: 640,
  height: 360,
  framesPerSecond: 25,
  gopFrames: 50,
  frameCount: 500,
  audioSampleRateHz: 8000,
} as const;

export interface ClipFrame {
  /** NAL units without start codes; a keyframe has SPS and PPS before its slice. Views into the clip: not to be changed. */
  readonly nals: readonly Buffer[];
  readonly keyframe: boolean;
}

export interface Clip {
  readonly fps: number;
  /** No B-frames: decode order is display order. Frame i carries the number i in its picture (`readFrameCounter`). */
  readonly frames: readonly ClipFrame[];
  readonly sps: Buffer;
  readonly pps: Buffer;
  /** G.711 A-law, mono: one byte a sample, `audioSampleRateHz / fps` of them belong to each frame. */
  readonly audio: Buffer;
  readonly audioSampleRateHz: number;
}

/** Reads the clip from the files beside this one. */
export function loadClip(): Clip {
  const frames: ClipFrame[] = [];
  let nals: Buffer[] = [];
  for (const nal of splitAnnexB(readFileSync(CLIP_FILES.video), Number.POSITIVE_INFINITY)) {
    nals.push(nal);
    const type = h264NalType(nal[0]!);
    if (!isH264Slice(type)) continue;
    frames.push({ nals, keyframe: type === H264NalType.idrSlice }); // one slice a frame
    nals = [];
  }
  const parameterSet = (type: number) => frames[0]!.nals.find((nal) => h264NalType(nal[0]!) === type)!;
  return {
    fps: CLIP_FORMAT.framesPerSecond,
    frames,
    sps: parameterSet(H264NalType.sps),
    pps: parameterSet(H264NalType.pps),
    audio: readFileSync(CLIP_FILES.audio),
    audioSampleRateHz: CLIP_FORMAT.audioSampleRateHz,
  };
}

// Footage as a store would hand it out: the demo clip, whose frames carry their number, and files of real encoders.
import { isH264Keyframe } from "#codecs/h264/nal.ts";
import { isH265Keyframe } from "#codecs/h265/nal.ts";
import type { ContainerTrack, Sample, TrackSamples } from "#containers/sample.ts";
import type { FootageFragment } from "#record/recording-index.ts";
import { loadClip } from "./clip/clip.ts";
import { readClipTimes, readCodedClip } from "./coded-clip.ts";
import type { MemoryRun } from "./memory-index.ts";
import { readFragmentedFile } from "./mp4/whole-file.ts";

/** 2026-03-01 12:00:00 UTC */
export const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;
export const FRAME_US = 40_000;

const VIDEO_CLOCK_HZ = 90_000;
const FRAME_TICKS = 3600;
const AUDIO_CLOCK_HZ = 8000;
const AUDIO_FRAME_TICKS = 320;

let gate: ReturnType<typeof loadClip> | undefined;

export interface GateRun extends Partial<Omit<MemoryRun, "fragments" | "tracks" | "epochUtcUs">> {
  /** UTC of its first frame. */
  readonly startUtcUs: number;
  /** The clip's frames it shows; it begins with a keyframe, one of 0, 50, 100 … */
  readonly frames: readonly [first: number, end: number];
  /** Ticks of the first video frame: a run may be longer than its footage. Whole frames. */
  readonly startTicks?: number;
  readonly audio?: boolean;
  /** In each fragment. */
  readonly fragmentFrames?: number;
  /** Frames before which footage is missing: so many do not come. */
  readonly missing?: ReadonlyMap<number, number>;
}

/** H.264, 640x360, 25 pictures a second without B-frames, a keyframe every 50; with sound A-law of 40 ms packets as second track. */
export function gateRun({ startUtcUs, frames, startTicks = 0, audio = false, fragmentFrames = 25, missing, ...more }: GateRun): MemoryRun {
  gate ??= loadClip();
  const clip = gate;
  const video: ContainerTrack = {
    kind: "video",
    clockRateHz: VIDEO_CLOCK_HZ,
    parameters: { codec: "h264", sps: [clip.sps], pps: [clip.pps] },
  };
  const sound: ContainerTrack = {
    kind: "audio",
    clockRateHz: AUDIO_CLOCK_HZ,
    parameters: { codec: "g711", muLaw: false, sampleRateHz: AUDIO_CLOCK_HZ, channelCount: 1 },
  };
  const [first, end] = frames;
  const startFrame = startTicks / FRAME_TICKS;
  const fragments: FootageFragment[] = [];
  for (let at = first; at < end; ) {
    const lost = missing?.get(at) ?? 0;
    at += lost;
    let last = at + 1;
    while (last < end && last - at < fragmentFrames && !missing?.has(last)) last++;
    const numbers = Array.from({ length: Math.min(last, end) - at }, (_, i) => at + i);
    const pictures = numbers.map((number): Sample => {
      const { nals, keyframe } = clip.frames[number]!;
      const dtsTicks = (startFrame + number - first) * FRAME_TICKS;
      return { dtsTicks, ptsOffsetTicks: 0, durationTicks: FRAME_TICKS, keyframe, frame: nals };
    });
    const sounds = numbers.map((number): Sample => {
      const dtsTicks = (startFrame + number - first) * AUDIO_FRAME_TICKS;
      const frame = [clip.audio.subarray(number * AUDIO_FRAME_TICKS, (number + 1) * AUDIO_FRAME_TICKS)];
      return { dtsTicks, ptsOffsetTicks: 0, durationTicks: AUDIO_FRAME_TICKS, keyframe: true, frame };
    });
    const samples: TrackSamples[] = [{ trackIndex: 0, samples: pictures }];
    if (audio) samples.push({ trackIndex: 1, samples: sounds });
    fragments.push({ gap: lost > 0, samples });
    at = last;
  }
  const epochUtcUs = startUtcUs - (startTicks * 1e6) / VIDEO_CLOCK_HZ;
  return { runId: "run-1", epochUtcUs, tracks: audio ? [video, sound] : [video], fragments, ...more };
}

/** An encoder's clip of `codecs/testdata`, with B-frames, in fragments of one group of pictures each. */
export function codedRun(name: string, startUtcUs: number): MemoryRun {
  const file = new URL(`../codecs/testdata/${name}`, import.meta.url);
  const { parameters, frames } = readCodedClip(file);
  const { clockRateHz, pts, dts } = readClipTimes(file);
  const keyframes = frames.map(parameters.codec === "h264" ? isH264Keyframe : isH265Keyframe);
  const fragments: FootageFragment[] = [];
  let samples: Sample[] = [];
  for (const [i, frame] of frames.entries()) {
    if (keyframes[i] && samples.length > 0) {
      fragments.push({ gap: false, samples: [{ trackIndex: 0, samples }] });
      samples = [];
    }
    const dtsTicks = dts[i]! - dts[0]!;
    const durationTicks = (dts[i + 1] ?? dts[i]! + clockRateHz / 25) - dts[i]!;
    samples.push({ dtsTicks, ptsOffsetTicks: pts[i]! - dts[i]!, durationTicks, keyframe: keyframes[i]!, frame });
  }
  fragments.push({ gap: false, samples: [{ trackIndex: 0, samples }] });
  return { runId: name, epochUtcUs: startUtcUs, tracks: [{ kind: "video", clockRateHz, parameters }], fragments };
}

/** A fragmented file as one run. */
export function fileRun(bytes: Buffer, startUtcUs: number): MemoryRun {
  const { init, fragments } = readFragmentedFile(bytes)!;
  return { runId: "file", epochUtcUs: startUtcUs, tracks: init.tracks, fragments: fragments.map((samples) => ({ gap: false, samples })) };
}

// A MP4 file of a single frame: what a browser shows of a camera without anything being decoded here.
import type { ContainerTrack } from "../sample.ts";
import { writeFragment } from "./fragment.ts";
import { writeInit } from "./init.ts";
import { storeTracks } from "./stored-track.ts";

/** How long the picture stands, s. */
const DURATION_S = 1;

/** `frame` as in Sample.frame, a keyframe. Undefined: MP4 cannot store such a track (`fmp4Fault` says why). */
export function writeOneFrame(track: ContainerTrack, frame: readonly Buffer[]): Buffer | undefined {
  const tracks = storeTracks([track]);
  const init = writeInit(tracks, { durationMs: DURATION_S * 1000 });
  const sample = { dtsTicks: 0, ptsOffsetTicks: 0, durationTicks: track.clockRateHz * DURATION_S, keyframe: true, frame };
  const fragment = writeFragment(tracks, [{ trackIndex: 0, samples: [sample] }], { sequenceNumber: 1 });
  return init && fragment && Buffer.concat([init.bytes, ...fragment.buffers]);
}

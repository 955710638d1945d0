// Footage that proves itself: each fragment is one frame whose bytes follow from its camera and its number.
import { createCipheriv, createHash } from "node:crypto";
import type { Fragment, GapCause } from "#record/store.ts";
import { SYNTHETIC_CLOCK_HZ } from "../synthetic-track.ts";

/** Kind of slice, u32 number. */
const HEAD_BYTES = 5;
const KEYFRAME_SLICE = 0x65;
const OTHER_SLICE = 0x41;

/** A slice of H.264; no two of them share a stretch of bytes. */
export function numberedFrame(camera: string, number: number, sizeBytes: number, keyframe: boolean): Buffer {
  const frame = Buffer.alloc(sizeBytes);
  const key = createHash("md5").update(camera).digest();
  const counter = Buffer.alloc(16);
  counter.writeUInt32BE(number, 0);
  createCipheriv("aes-128-ctr", key, counter).update(frame).copy(frame);
  frame[0] = keyframe ? KEYFRAME_SLICE : OTHER_SLICE;
  frame.writeUInt32BE(number, 1);
  return frame;
}

/** Throws when a byte is not as it was made, or made for another camera. */
export function numberOfFrame(camera: string, frame: Buffer): number {
  const number = frame.length < HEAD_BYTES ? -1 : frame.readUInt32BE(1);
  if (number < 0 || !frame.equals(numberedFrame(camera, number, frame.length, frame[0] === KEYFRAME_SLICE)))
    throw new Error(`frame ${number} of ${camera} is damaged`);
  return number;
}

export interface NumberedFragment {
  readonly camera: string;
  readonly number: number;
  readonly sizeBytes: number;
  readonly keyframe: boolean;
  readonly captureUs: number;
  readonly durationUs: number;
  /** Monotonic clock at tick 0 of the recording. */
  readonly epochUs: number;
  readonly gapBefore: GapCause | undefined;
}

/** For a store that was opened with syntheticTrack(). */
export function numberedFragment(wanted: NumberedFragment): Fragment {
  const { camera, number, sizeBytes, keyframe, captureUs, durationUs, epochUs, gapBefore } = wanted;
  const ticksOf = (us: number): number => Math.round((us * SYNTHETIC_CLOCK_HZ) / 1e6);
  const dtsTicks = ticksOf(captureUs - epochUs);
  const durationTicks = ticksOf(captureUs + durationUs - epochUs) - dtsTicks;
  const frame = [numberedFrame(camera, number, sizeBytes, keyframe)];
  const samples = [{ trackIndex: 0, samples: [{ dtsTicks, ptsOffsetTicks: 0, durationTicks, keyframe, frame }] }];
  return { samples, captureUs, durationUs, keyframe, gapBefore, senderUtcUs: undefined, sizeBytes };
}

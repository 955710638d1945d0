// Clips of footage that went through the ring: byte for byte those of the footage itself, whole and in parts, across chunks and a lost power supply.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Track } from "#relay/track.ts";
import { MemoryIndex, type MemoryRun } from "#testing/memory-index.ts";
import { gateRun } from "#testing/recorded-clip.ts";
import { RIG_EPOCH_UTC_US, RingRig } from "#testing/ring-rig.ts";
import type { RecordingIndex } from "../recording-index.ts";
import type { ClipBody } from "./clip-body.ts";
import { openFmp4Clip } from "./fmp4-clip.ts";
import { DEFAULT_LIMITS, openMp4Clip } from "./mp4-clip.ts";

const START_US = 5_000_000;
const never = new AbortController().signal;

async function record(rig: RingRig, { tracks, fragments }: MemoryRun): Promise<void> {
  const store = rig.ring.store("cam");
  const described = tracks.map(({ kind, clockRateHz, parameters }, index): Track => {
    return { index, kind, codec: parameters.codec, clockRateHz, parameters, reorderFrames: 0 };
  });
  rig.clock.us = START_US;
  await store.open({ tracks: described, captureUs: START_US, gapBefore: undefined });
  for (const { samples } of fragments) {
    const [first] = samples[0]!.samples;
    rig.clock.us = START_US + (first!.dtsTicks * 1e6) / tracks[0]!.clockRateHz;
    const sizeBytes = samples.flatMap((track) => track.samples).reduce((sum, { frame }) => sum + Buffer.concat(frame).length, 0);
    const times = { captureUs: rig.clock.us, durationUs: samples[0]!.samples.length * 40_000, senderUtcUs: undefined };
    assert.ok(store.append({ ...times, samples, keyframe: first!.keyframe, gapBefore: undefined, sizeBytes }));
    await rig.settle();
  }
  await store.close();
}

async function bytesOf(body: ClipBody, start = 0, end = body.sizeBytes): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const bytes of body.bytes(start, end, never)) parts.push(bytes);
  return Buffer.concat(parts);
}

test("the ring's footage as a clip", async () => {
  const run = gateRun({ startUtcUs: RIG_EPOCH_UTC_US + START_US, frames: [0, 450], fragmentFrames: 25 });
  const rig = await new RingRig({ chunkBytes: 128 * 1024, sizeBytes: 32 * 128 * 1024 }).start();
  await record(rig, run);
  const memory = new MemoryIndex({ cam: [run] });
  const rebooted = await rig.reboot(1).start();
  const fromUtcUs = RIG_EPOCH_UTC_US + START_US + 3_210_000;
  const wish = { path: "cam", fromUtcUs, toUtcUs: fromUtcUs + 12_000_000, skipGaps: false, choice: "all" } as const;
  const open: readonly ((index: RecordingIndex) => Promise<ClipBody>)[] = [
    (index) => openMp4Clip(index, wish, DEFAULT_LIMITS, never),
    (index) => openFmp4Clip(index, wish, 12_000, never),
  ];
  for (const clipOf of open) {
    const expected = await bytesOf(await clipOf(memory));
    const body = await clipOf(rebooted.ring.recordings);
    assert.ok((await bytesOf(body)).equals(expected));
    for (let start = 0; start < body.sizeBytes; start += Math.floor(body.sizeBytes / 23)) {
      const end = Math.min(body.sizeBytes, start + 50_000);
      assert.ok((await bytesOf(body, start, end)).equals(expected.subarray(start, end)), `bytes ${start} to ${end}`);
    }
  }
  await rebooted.ring.close();
});

// Chunks on a real file system, with real footage: ffmpeg plays each of them at any moment, and sees nothing of older laps.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { NodeFs } from "#base/node-fs.ts";
import { reorderFramesOf } from "#codecs/reorder.ts";
import type { Track } from "#relay/track.ts";
import { readClipTimes, readCodedClip } from "#testing/coded-clip.ts";
import { ffmpeg, ffprobe } from "#testing/peers/ffmpeg.ts";
import { missingOf } from "#testing/peers/find-peer.ts";
import { runPeer, type TestScope } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { RigClock } from "#testing/ring-rig.ts";
import type { Fragment } from "../store.ts";
import { inspectRing, readRing, verifyRing } from "./inspect.ts";
import { chunkPath } from "./layout.ts";
import { RingInUse } from "./process-lock.ts";
import { Ring } from "./ring.ts";

const CHUNK_BYTES = 128 * 1024;
const CHUNKS = 3;
const file = new URL("../../codecs/testdata/h264-main-b3.h264", import.meta.url);
const { parameters, frames } = readCodedClip(file);
const times = readClipTimes(file);
const track: Track = {
  index: 0,
  kind: "video",
  codec: "h264",
  clockRateHz: times.clockRateHz,
  parameters,
  reorderFrames: reorderFramesOf(parameters),
};
const frameTicks = times.dts[1]! - times.dts[0]!;
const clipTicks = frames.length * frameTicks;

/** The whole clip, for the n-th time. */
function clipAt(n: number, epochUs: number): Fragment {
  const samples = frames.map((frame, i) => ({
    dtsTicks: n * clipTicks + i * frameTicks,
    ptsOffsetTicks: times.pts[i]! - times.dts[i]!,
    durationTicks: frameTicks,
    keyframe: i === 0,
    frame,
  }));
  const durationUs = Math.round((clipTicks * 1e6) / times.clockRateHz);
  const sizeBytes = frames.flat().reduce((sum, { length }) => sum + length, 0);
  const captureUs = epochUs + n * durationUs;
  return {
    samples: [{ trackIndex: 0, samples }],
    captureUs,
    durationUs,
    keyframe: true,
    gapBefore: undefined,
    senderUtcUs: undefined,
    sizeBytes,
  };
}

/** Frames ffmpeg decodes of a chunk file; it may not say a word about it. */
async function decodedFrames(scope: TestScope, path: string): Promise<number> {
  const args = ["-v", "warning", "-nostdin", "-i", path, "-map", "0", "-fps_mode", "passthrough", "-f", "framehash", "pipe:1"];
  const { stdout, stderr } = await runPeer(scope, ffmpeg, args);
  assert.equal(stderr, "");
  return stdout
    .toString()
    .split("\n")
    .filter((row) => /^\d/.test(row)).length;
}

test("each chunk plays, while it is written and after, and shows this lap alone", { skip: missingOf(ffmpeg, ffprobe) }, async (t) => {
  const directory = await temporaryFolder(t);
  const clock = new RigClock();
  const fs = new NodeFs();
  const queue = { maxBytes: 1e8, maxMs: 1e6 };
  const options = { fs, directory, clock, chunkBytes: CHUNK_BYTES, sizeBytes: CHUNKS * CHUNK_BYTES, queue };
  const ring = new Ring(options);
  await ring.start();
  assert.equal(ring.status, "recording");
  if (process.platform === "linux") await assert.rejects(new Ring(options).start(), RingInUse);

  const store = ring.store("gate");
  const epochUs = clock.nowUs();
  const stored: Fragment[] = [];
  store.onStored = (fragment) => stored.push(fragment);
  await store.open({ tracks: [track], captureUs: epochUs, gapBefore: undefined });
  const laps = 14;
  for (let n = 0; n < laps; n++) assert.equal(store.append(clipAt(n, epochUs)), true);
  await store.close();
  assert.equal(stored.length, laps);

  // The open chunk is the second lap of its file: older fragments stand behind what was written now.
  const live = await inspectRing(fs, directory);
  for await (const { chunk, fragments, header } of verifyRing(fs, directory, live)) {
    assert.equal(header?.camera, "gate");
    assert.equal(await decodedFrames(t, join(directory, "gwr1", chunkPath(chunk))), fragments * frames.length, `chunk ${chunk}`);
  }
  await ring.close();

  const summary = await inspectRing(fs, directory);
  assert.deepEqual([summary.ring.chunks, summary.indexFault, summary.chunks], [CHUNKS, undefined, [0, 1, 2]]);
  let fragments = 0;
  for await (const report of verifyRing(fs, directory, summary)) {
    assert.deepEqual([report.closed, report.problems], [true, []]);
    assert.equal(await decodedFrames(t, join(directory, "gwr1", chunkPath(report.chunk))), report.fragments * frames.length);
    fragments += report.fragments;
  }
  assert.ok(fragments < laps && fragments > 4);

  const recordings = await readRing(fs, directory, summary, clock);
  const [span] = await recordings.spans("gate");
  assert.equal(Math.round(span!.durationUs / 1000), Math.round((fragments * clipTicks * 1000) / times.clockRateHz));
  const signal = new AbortController().signal;
  let read = 0;
  for await (const footage of recordings.read("gate", 0, Number.MAX_SAFE_INTEGER, signal)) {
    assert.deepEqual(footage.tracks[0]!.parameters, parameters);
    for await (const { samples } of footage.fragments(signal)) {
      const wanted = clipAt(laps - fragments + read, epochUs).samples[0]!.samples;
      const got = samples[0]!.samples;
      const shape = (list: typeof got) => list.map(({ dtsTicks, ptsOffsetTicks, keyframe }) => [dtsTicks, ptsOffsetTicks, keyframe]);
      assert.deepEqual(shape(got), shape(wanted));
      assert.deepEqual(footage.epochUtcUs, clock.utcOf(epochUs).utcUs);
      read++;
    }
  }
  assert.equal(read, fragments);
  await assert.rejects(recordings.lock({ path: "gate", fromUtcUs: 0, toUtcUs: 1, why: "" }), { code: "read-only" });
});

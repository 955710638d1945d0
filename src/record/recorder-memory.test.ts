// Frames wait in memory that is used again: whatever becomes of a fragment, its memory is given back, and not before it was read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FaultFs } from "#testing/fault-fs.ts";
import { FilesSite, numbersOf, readAll } from "#testing/files-site.ts";
import { RecorderSite } from "#testing/recorder-site.ts";
import { syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { StoreFault } from "./store.ts";

const VIDEO = syntheticTrack();
const AUDIO = syntheticAudioTrack();

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test("a fragment has no samples once it is released, and releasing it twice does no harm", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 25);
  await site.recorder.stop();
  assert.equal(site.fragments.length, 3);
  for (const fragment of site.fragments) {
    fragment.release!();
    fragment.release!();
    assert.deepEqual(fragment.samples, []);
  }
  assert.equal(site.memory.usedBytes, 0);
});

test("frames that no fragment came of are let go with their run", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO, AUDIO);
  await site.frames(VIDEO, 5);
  const sound = { track: AUDIO, keyframe: true, damaged: false, frame: [Buffer.alloc(160)] };
  // behind a hole, and so in no fragment
  for (const seconds of [0, 1, 5]) site.recorder.onUnit({ ...sound, ptsTicks: seconds * 8000, captureUs: site.clock.us });
  assert.ok(site.memory.usedBytes > 0);
  site.end("tracks-changed");
  for (const fragment of site.fragments) fragment.release!();
  assert.equal(site.memory.usedBytes, 0);
});

test("what a store refuses, fails with or never gets is let go", async () => {
  const site = new RecorderSite({ limits: { maxMs: 200 } });
  site.attach(VIDEO);
  await site.frames(VIDEO, 20);
  site.store.refuses = true;
  await site.frames(VIDEO, 20);
  site.store.refuses = false;
  await site.frames(VIDEO, 20);
  site.store.fail(new StoreFault("io", "broken"));
  await site.frames(VIDEO, 20);
  const taken = site.fragments.length;
  const release = site.store.hang();
  site.timers.passMs(2000);
  await site.frames(VIDEO, 30); // waits for the store to open
  assert.equal(site.fragments.length, taken);
  site.store.nextOpenFault = new StoreFault("io", "broken");
  release();
  for (let i = 0; i < 5; i++) await setImmediate();
  assert.equal(site.recorder.state.state, "error");
  await site.recorder.stop();
  assert.ok(taken > 5);
  for (const fragment of site.fragments) fragment.release!();
  assert.equal(site.memory.usedBytes, 0);
});

test("a disk that hangs: what waits for it is written as it was, though frames went on coming; memory is bounded, and given back", async () => {
  const fs = new FaultFs();
  const files = await FilesSite.open({ fs, store: { maxQueueBytes: 4 << 20 } });
  const site = new RecorderSite({
    clock: files.clock,
    recorder: { store: files.store, keeps: () => true },
    video: { frameBytes: 40_000, gopFrames: 25 },
  });
  site.attach(VIDEO);
  await site.frames(VIDEO, 50);
  const stall = fs.stallNext(({ kind }) => kind === "write");
  await site.frames(VIDEO, 250); // 10 MB
  await stall.reached;
  const most = 4 * (4 << 20);
  assert.ok(site.memory.usedBytes > 4 << 20 && site.memory.usedBytes < most, `${site.memory.usedBytes}`);
  assert.equal(site.recorder.state.openGap?.cause, "backpressure");
  stall.release();
  await files.settled();
  await site.frames(VIDEO, 75);
  await site.recorder.stop();
  assert.equal(site.memory.usedBytes, 0);
  const numbers = (await readAll(files.index)).flatMap(({ fragments }) => numbersOf(fragments));
  const kept = numbers.findIndex((number, i) => number !== i);
  assert.ok(kept >= 125, `${kept} frames before the gap`);
  assert.deepEqual(numbers.slice(kept), range(275, 375));
});

test("a disk that fails: all that it was to get is let go", async () => {
  const fs = new FaultFs();
  const files = await FilesSite.open({ fs });
  const site = new RecorderSite({ clock: files.clock, recorder: { store: files.store, keeps: () => true } });
  site.attach(VIDEO);
  for (const fault of ["ENOSPC", "EIO", "short"] as const) {
    await site.frames(VIDEO, 50);
    const mend = fs.failAll(fault, ({ kind }) => kind === "write");
    await site.frames(VIDEO, 50);
    mend();
    site.timers.passMs(60_000);
  }
  assert.ok(site.recorder.state.heldBytes > 0);
  let isStopped = false;
  const stopped = site.recorder.stop().then(() => {
    isStopped = true;
  });
  for (let i = 0; i < 100 && !isStopped; i++) {
    files.timers.passMs(1000); // the store syncs by them
    await setImmediate();
  }
  await stopped;
  assert.ok(site.recorder.state.gaps.length >= 2);
  assert.equal(site.recorder.state.heldBytes, 0);
  assert.equal(site.memory.usedBytes, 0);
});

// The footage that waits in memory, as playback sees it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryIndex } from "#testing/memory-index.ts";
import { RecorderSite } from "#testing/recorder-site.ts";
import { frameNumberOf, syntheticTrack } from "#testing/synthetic-track.ts";
import { HeldIndex } from "./held-index.ts";
import type { Footage, FootageFragment } from "./recording-index.ts";
import { StoreFault } from "./store.ts";

const VIDEO = syntheticTrack();
const { signal } = new AbortController();
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Ten seconds, a group of pictures each, in memory; before them ten that are stored. */
async function holding() {
  const site = new RecorderSite({ video: { gopFrames: 25 } });
  site.attach(VIDEO);
  await site.frames(VIDEO, 251);
  const run = { runId: "stored", epochUtcUs: site.clock.utcOf(1_000_000).utcUs, tracks: [VIDEO] };
  const stored = new MemoryIndex({ cam: [{ ...run, fragments: site.fragments.map(({ samples }) => ({ gap: false, samples })) }] });
  site.store.fail(new StoreFault("gone", "unplugged"));
  await site.frames(VIDEO, 275); // the one that is not whole is lost
  const index = new HeldIndex({ stored, clock: site.clock, held: () => site.recorder.held });
  return { site, stored, index, at: (second: number) => site.clock.utcOf(1_000_000 + second * 1e6).utcUs };
}

/** Frame numbers, with their seconds by the footage. */
async function read(index: HeldIndex, fromUtcUs: number, toUtcUs: number) {
  const footages: {
    readonly numbers: number[];
    readonly fromUtcUs: number;
    readonly gaps: readonly boolean[];
    readonly gapBefore: unknown;
  }[] = [];
  for await (const footage of index.read("cam", fromUtcUs, toUtcUs, signal)) {
    const numbers: number[] = [];
    const gaps: boolean[] = [];
    let first = Number.NaN;
    for await (const { samples, gap } of footage.fragments(signal)) {
      gaps.push(gap);
      for (const { frame, dtsTicks } of samples[0]!.samples) {
        if (Number.isNaN(first)) first = footage.epochUtcUs + (dtsTicks * 1e6) / 90_000;
        numbers.push(frame.map(frameNumberOf).find((number) => number !== undefined)!);
      }
    }
    footages.push({ numbers, fromUtcUs: first, gaps, gapBefore: footage.gapBefore });
  }
  return footages;
}

test("spans: what is stored, and behind it what is held", async () => {
  const { index, at, site } = await holding();
  const spans = await index.spans("cam");
  assert.deepEqual(
    spans.map(({ startUtcUs, durationUs, gapBefore, open }) => [startUtcUs - at(0), durationUs, gapBefore, open]),
    [
      [0, 10e6, undefined, false],
      [11e6, 10e6, "disk", true],
    ],
  );
  assert.equal(spans[1]!.sizeBytes, site.recorder.state.heldBytes);
  assert.deepEqual(await index.spans("cam", { offset: 1, limit: 5 }), [spans[1]]);
  assert.deepEqual(await index.spans("cam", { limit: 1 }), [spans[0]]);
  const [cut, ...others] = await index.spans("cam", { fromUtcUs: at(13), toUtcUs: at(15) });
  assert.deepEqual([others.length, cut!.startUtcUs, cut!.durationUs, cut!.gapBefore, cut!.open], [0, at(13), 2e6, undefined, false]);
  assert.equal(cut!.sizeBytes, Math.round(spans[1]!.sizeBytes / 5));
});

test("it is read from the keyframe before on; the store is left alone where nothing of it is wanted", async () => {
  const { index, at, stored } = await holding();
  assert.deepEqual(await read(index, at(13.5), at(15)), [
    { numbers: range(325, 375), fromUtcUs: at(13), gaps: [false, false], gapBefore: "disk" },
  ]);
  assert.equal(stored.reads, 0);
  const [before, held] = await read(index, at(9), at(12));
  assert.deepEqual([before!.numbers, held!.numbers], [range(225, 250), range(275, 300)]);
  assert.deepEqual(await read(index, at(30), at(40)), []);
});

test("what is read stays as it was, whatever becomes of what is held; what is gone by then is a gap", async () => {
  const { index, at, site } = await holding();
  const { value: footage } = await index.read("cam", at(11), at(21), signal).next();
  const fragments = (footage as Footage).fragments(signal)[Symbol.asyncIterator]();
  const first = (await fragments.next()).value as FootageFragment;
  const bytes = Buffer.concat(first.samples[0]!.samples.flatMap(({ frame }) => frame));
  const held = site.recorder.held[0]!.fragments;
  held[0]!.release!();
  held[1]!.release!();
  await site.frames(VIDEO, 50);
  assert.deepEqual(Buffer.concat(first.samples[0]!.samples.flatMap(({ frame }) => frame)), bytes);
  const next = (await fragments.next()).value as FootageFragment;
  assert.equal(next.gap, true);
  assert.equal(
    next.samples[0]!.samples.flatMap(({ frame }) => frame.map(frameNumberOf)).find((number) => number !== undefined),
    325,
  );
});

test("with nothing held it is the store's index", async () => {
  const site = new RecorderSite();
  const stored = new MemoryIndex({});
  const index = new HeldIndex({ stored, clock: site.clock, held: () => site.recorder.held });
  assert.deepEqual(await index.spans("cam"), []);
  assert.deepEqual(await read(index, 0, 1e15), []);
  assert.equal(stored.reads, 1);
});

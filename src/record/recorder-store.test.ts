// What the recorder makes of a store that refuses, fails or hangs, and of being switched.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { assertSound, RecorderSite } from "#testing/recorder-site.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { type Fragment, StoreFault } from "./store.ts";

const VIDEO = syntheticTrack();
const FRAME_US = 40_000;

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const gapBefore = (fragments: readonly Fragment[]) => fragments.map((fragment) => fragment.gapBefore);

test("a store that refuses: whole groups of pictures are dropped, counted, and named with their bounds", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 15);
  site.store.refuses = true;
  await site.frames(VIDEO, 20); // refused: 10 … 19, 20 … 29
  assert.deepEqual([site.recorder.state.state, site.recorder.state.reason], ["recording", undefined], "it is tried again at each keyframe");
  assert.equal(site.recorder.state.droppedUnits, 20);
  assert.equal(site.recorder.state.openGap?.cause, "backpressure");
  site.store.refuses = false;
  await site.frames(VIDEO, 16);
  assert.deepEqual(site.numbers, [range(0, 10), range(30, 40), range(40, 50)]);
  assert.deepEqual(gapBefore(site.fragments), [undefined, "backpressure", undefined]);
  assert.deepEqual(site.gaps, [{ cause: "backpressure", fromUs: 1_000_000 + 10 * FRAME_US, toUs: 1_000_000 + 30 * FRAME_US }]);
  assert.equal(site.store.runs.length, 1);
  assertSound(site);
});

test("refused in the middle of a group: the rest of the group is dropped with it", async () => {
  const site = new RecorderSite({ limits: { maxMs: 160 } });
  site.attach(VIDEO);
  await site.frames(VIDEO, 6);
  site.store.refuses = true;
  await site.frames(VIDEO, 3); // 4 … 7 is refused at 8
  site.store.refuses = false;
  assert.deepEqual([site.recorder.state.state, site.recorder.state.reason], ["stalled", "the store is too slow"]);
  await site.frames(VIDEO, 6);
  assert.equal(site.recorder.state.state, "recording");
  assert.deepEqual(site.numbers, [range(0, 4), range(10, 14)]);
  assert.equal(site.recorder.state.droppedUnits, 6);
});

test("a store that opens slowly gets everything; the relay never waits", async () => {
  const site = new RecorderSite();
  const release = site.store.hang();
  site.attach(VIDEO);
  await site.frames(VIDEO, 25);
  assert.deepEqual(site.store.calls, ["open"]);
  site.end();
  site.attach(VIDEO);
  await site.frames(VIDEO, 16, {});
  assert.deepEqual(site.store.calls, ["open"]);
  release();
  for (let i = 0; i < 4; i++) await setImmediate();
  assert.deepEqual(site.store.calls.join(" "), "open opened append append append close closed open opened append");
  assert.deepEqual(site.numbers, [range(0, 10), range(10, 20), range(20, 25), range(30, 40)]);
  assert.deepEqual(site.gaps, [{ cause: "source", fromUs: 1_000_000 + 25 * FRAME_US, toUs: 1_000_000 + 30 * FRAME_US }]);
  assert.deepEqual(gapBefore(site.fragments), [undefined, undefined, undefined, "source"]);
});

test("a store that does not open for long: the memory is bounded, the rest is a gap", async () => {
  const site = new RecorderSite({ limits: { maxBytes: 4 << 20 }, video: { frameBytes: 300_000 } });
  const release = site.store.hang();
  site.attach(VIDEO);
  await site.frames(VIDEO, 45);
  release();
  await setImmediate();
  await site.frames(VIDEO, 16);
  assert.deepEqual(site.numbers, [range(0, 10), range(10, 20), range(40, 50), range(50, 60)]);
  assert.deepEqual(site.gaps, [{ cause: "backpressure", fromUs: 1_000_000 + 20 * FRAME_US, toUs: 1_000_000 + 40 * FRAME_US }]);
  assert.deepEqual(gapBefore(site.fragments), [undefined, undefined, "backpressure", undefined]);
});

test("fragments that waited and are refused in the end are a gap, too", async () => {
  const site = new RecorderSite({ limits: { maxMs: 200 } });
  const release = site.store.hang();
  site.attach(VIDEO);
  await site.frames(VIDEO, 14); // 0 … 4, 5 … 9
  site.store.refuses = true;
  release();
  await setImmediate();
  site.store.refuses = false;
  await site.frames(VIDEO, 4);
  assert.deepEqual(site.store.calls, ["open", "opened", "refuse", "append"], "what cannot be decoded without it is not offered");
  assert.deepEqual(site.numbers, [range(10, 15)]);
  assert.deepEqual(gapBefore(site.fragments), ["backpressure"]);
  assert.equal(site.recorder.state.droppedUnits, 10);
});

test("the store fails: the state says why, and what comes is held until it is back; what was not safe is missing", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 11);
  site.store.storesAtOnce = false;
  await site.frames(VIDEO, 10); // 10 … 19 is taken and not safe
  site.store.fail(new StoreFault("io", "the card is gone"));
  assert.deepEqual([site.recorder.state.state, site.recorder.state.reason], ["error", "io: the card is gone"]);
  await setImmediate();
  assert.deepEqual(site.store.calls.slice(-2), ["close", "closed"]);
  assert.deepEqual(site.timers.delaysMs, [1000, 1000], "the next try, and the look at the source");
  await site.frames(VIDEO, 20); // 21 … 40
  assert.deepEqual([site.recorder.state.state, site.recorder.state.droppedUnits], ["error", 10], "20 … 29 cannot be decoded");
  assert.deepEqual([site.recorder.state.heldUs, site.fragments.length], [400_000, 2]);
  assert.deepEqual(site.gaps, []);
  site.store.storesAtOnce = true;
  site.timers.passMs(1000);
  for (let i = 0; i < 3; i++) await setImmediate();
  assert.deepEqual([site.recorder.state.state, site.recorder.state.heldUs], ["recording", 0]);
  await site.frames(VIDEO, 11); // 41 … 51
  assert.deepEqual(site.numbers.slice(2), [range(30, 40), range(40, 50)]);
  assert.deepEqual(site.gaps, [{ cause: "disk", fromUs: 1_000_000 + 10 * FRAME_US, toUs: 1_000_000 + 30 * FRAME_US }]);
  assert.deepEqual(gapBefore(site.fragments), [undefined, undefined, "disk", undefined]);
  assert.equal(site.store.runs[1]?.gapBefore, "disk");
  assert.equal(site.store.runs[1]?.captureUs, site.store.runs[0]?.captureUs, "the same run goes on");
  assertSound(site);
});

test("a store that will not open is tried less and less often, until footage is safe; it gets all there was", async () => {
  const site = new RecorderSite();
  site.store.nextOpenFault = new StoreFault("gone", "no such folder");
  site.attach(VIDEO);
  await site.frames(VIDEO, 11);
  const waits: number[] = [];
  for (let i = 0; i < 5; i++) {
    assert.equal(site.recorder.state.state, "error");
    site.store.nextOpenFault = new StoreFault("gone", "no such folder");
    const delayMs = site.timers.delaysMs.at(-1)!;
    waits.push(delayMs);
    site.timers.passMs(delayMs);
    for (let k = 0; k < 3; k++) await setImmediate();
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 10_000]);
  assert.equal(site.log.lines.filter((line) => line.includes("the store failed")).length, 1, "said once");
  site.store.nextOpenFault = undefined;
  site.timers.passMs(10_000);
  for (let k = 0; k < 3; k++) await setImmediate();
  assert.equal(site.recorder.state.state, "recording");
  assert.deepEqual(site.numbers, [range(0, 10), [10]]);
  assert.deepEqual([site.gaps, gapBefore(site.fragments)], [[], [undefined, undefined]], "nothing is missing");
  site.store.fail(new StoreFault("io", "again"));
  await setImmediate();
  assert.ok(site.timers.delaysMs.every((delayMs) => delayMs <= 1000));
});

test("tries that fail lose nothing of the group of pictures that is on its way", async () => {
  const site = new RecorderSite({ video: { gopFrames: 50 } });
  site.attach(VIDEO);
  await site.frames(VIDEO, 26);
  site.store.fail(new StoreFault("gone", "unplugged"));
  await site.frames(VIDEO, 30); // keyframe 50 is in assembly
  site.store.nextOpenFault = new StoreFault("gone", "unplugged");
  site.timers.passMs(1000);
  for (let k = 0; k < 3; k++) await setImmediate();
  assert.equal(site.recorder.state.state, "error");
  await site.frames(VIDEO, 30);
  assert.equal(site.recorder.state.heldUs, 1_000_000);
  assert.equal(site.recorder.state.droppedUnits, 25);
});

test("a store that is away for long: the last half minute is held and stored, what was before it is one gap", async () => {
  const site = new RecorderSite({ video: { gopFrames: 25 } });
  site.attach(VIDEO);
  await site.frames(VIDEO, 26);
  site.store.fail(new StoreFault("read-only", "read-only file system"));
  await site.frames(VIDEO, 25 * 100);
  const { heldUs, openGap } = site.recorder.state;
  assert.ok(heldUs > 28e6 && heldUs <= 30e6, `${heldUs / 1e6} s`);
  assert.deepEqual(openGap, { cause: "disk", fromUs: 2_000_000 });
  const [stretch, ...others] = site.recorder.held;
  assert.equal(others.length, 0);
  assert.deepEqual([stretch!.fragments.length, stretch!.fragments[0]!.keyframe], [30, true]);
  site.timers.passMs(1000);
  for (let k = 0; k < 3; k++) await setImmediate();
  assert.equal(site.recorder.state.heldUs, 0);
  assert.equal(site.fragments.length, 31);
  assert.deepEqual(site.gaps, [{ cause: "disk", fromUs: 2_000_000, toUs: stretch!.fragments[0]!.captureUs }]);
  assertSound(site);
});

test("what is held goes to the store by as much as it takes, in order, with what comes behind it", async () => {
  const site = new RecorderSite({ video: { gopFrames: 25 } });
  site.attach(VIDEO);
  await site.frames(VIDEO, 26);
  site.store.fail(new StoreFault("gone", "unplugged"));
  await site.frames(VIDEO, 25 * 20);
  site.store.storesAtOnce = false;
  site.store.queuedBytes = 1; // it is at work
  site.timers.passMs(1000);
  for (let k = 0; k < 3; k++) await setImmediate();
  const taken = site.fragments.length - 1;
  assert.ok(taken >= 4 && taken <= 6, `${taken} s at once`);
  await site.frames(VIDEO, 25);
  assert.equal(site.fragments.length - 1, taken, "it waits its turn");
  for (let stored = 1; stored < site.fragments.length; stored++) site.store.onStored!(site.fragments[stored]!);
  assert.deepEqual(site.numbers.flat(), [...range(0, 25), ...range(50, 550)]);
  assert.equal(site.recorder.state.heldUs, 0);
});

test("a source that goes and comes back, and other tracks, while the store is away", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 11);
  site.store.fail(new StoreFault("gone", "unplugged"));
  await site.frames(VIDEO, 20); // 11 … 30
  site.end();
  site.videoTicks += 45_000;
  site.clock.us += 500_000;
  const other = syntheticTrack();
  site.attach(other);
  await site.frames(other, 20); // 31 … 50
  assert.deepEqual(
    site.recorder.held.map(({ fragments }) => fragments.length),
    [2, 1],
  );
  site.timers.passMs(1000);
  for (let k = 0; k < 6; k++) await setImmediate();
  assert.deepEqual(site.numbers, [range(0, 10), range(20, 30), [30], range(40, 50)]);
  assert.deepEqual(gapBefore(site.fragments), [undefined, "disk", undefined, "source"]);
  assert.deepEqual(
    site.store.calls.slice(-8).join(" "),
    "open opened append append close closed open opened append".split(" ").slice(-8).join(" "),
  );
});

test("a store whose append throws is a store that failed", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  site.store.append = () => {
    throw new Error("a fault of ours");
  };
  await site.frames(VIDEO, 12);
  assert.deepEqual([site.recorder.state.state, site.recorder.state.reason], ["error", "io: a fault of ours"]);
  assert.equal(site.recorder.state.droppedUnits, 10);
});

test("switched off: all that came is stored, and nothing is asked of the relay; on again: a gap", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 13);
  assert.ok(site.isFollowed);
  await site.recorder.stop();
  assert.ok(!site.isFollowed);
  assert.equal(site.recorder.state.state, "off");
  assert.equal(site.store.calls.at(-1), "closed");
  assert.deepEqual(site.numbers, [range(0, 10), range(10, 13)]);
  await site.recorder.stop();
  await site.silence(5000);
  site.recorder.start();
  site.recorder.start();
  assert.deepEqual(site.timers.delaysMs, []);
  site.attach(VIDEO);
  await site.frames(VIDEO, 18); // 13 … 30
  assert.deepEqual(site.numbers.at(-1), range(20, 30));
  assert.deepEqual(
    site.gaps.map(({ cause }) => cause),
    ["off"],
  );
  assert.deepEqual(site.states.at(-1), "recording: ");
});

test("switched off while the store is being tried again: it is not", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  site.store.nextOpenFault = new StoreFault("full", "no space");
  await site.frames(VIDEO, 11);
  assert.equal(site.recorder.held.length, 1);
  assert.deepEqual(site.timers.delaysMs, [1000, 1000]);
  await site.recorder.stop();
  assert.deepEqual(site.timers.delaysMs, []);
  assert.deepEqual([site.recorder.held, site.memory.usedBytes], [[], 0], "nobody wants what was held");
  assert.equal(site.recorder.state.state, "off");
  site.recorder.start();
  site.attach(VIDEO);
  await site.frames(VIDEO, 20);
  assert.equal(site.recorder.state.state, "recording");
});

test("off and on while the failed store still closes: its calls come one after the other", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 11);
  const release = site.store.hang();
  site.store.fail(new StoreFault("io", "bad"));
  const stopped = site.recorder.stop();
  site.recorder.start();
  site.attach(VIDEO);
  await site.frames(VIDEO, 20);
  assert.deepEqual(site.store.calls.slice(-2), ["append", "close"]);
  release();
  await stopped;
  await setImmediate();
  await setImmediate();
  assert.deepEqual(site.store.calls.slice(-3).join(" "), "open opened append");
});

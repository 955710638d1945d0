// Frames before the start of a clip: in no time, in their order, and the rest where it was.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "#containers/sample.ts";
import { notBeforeStart } from "./early-frames.ts";

const sample = (dtsTicks: number, ptsTicks: number): Sample => {
  return { dtsTicks, ptsOffsetTicks: ptsTicks - dtsTicks, durationTicks: 900, keyframe: false, frame: [] };
};
const times = (samples: readonly Sample[]): number[][] => {
  return samples.map(({ dtsTicks, ptsOffsetTicks, durationTicks }) => [dtsTicks, dtsTicks + ptsOffsetTicks, durationTicks]);
};

test("from the start on nothing is changed", () => {
  const samples = [sample(0, 1800), sample(900, 900)];
  assert.equal(notBeforeStart(samples), samples);
});

test("pictures in order, up to one that begins before the start and goes on behind it", () => {
  const samples = [sample(-2000, -2000), sample(-1100, -1100), sample(-200, -200), sample(700, 700), sample(1600, 1600)];
  assert.deepEqual(times(notBeforeStart(samples)), [
    [0, 0, 1],
    [1, 1, 1],
    [2, 2, 698],
    [700, 700, 900],
    [1600, 1600, 900],
  ]);
});

test("reordered pictures keep their order, and none is shown before it is decoded", () => {
  // I P B B P B B, the start at the second B.
  const samples = [sample(-3600, -2700), sample(-2700, 0), sample(-1800, -1800), sample(-900, -900), sample(0, 2700), sample(900, 900)];
  const moved = notBeforeStart(samples);
  assert.deepEqual(times(moved), [
    [0, 1, 1],
    [1, 4, 1],
    [2, 2, 1],
    [3, 3, 1],
    [4, 2700, 896],
    [900, 900, 900],
  ]);
  assert.ok(moved.every(({ ptsOffsetTicks }) => ptsOffsetTicks >= 0));
});

test("the first picture behind the start does not come before those from before it", () => {
  const samples = [sample(-1798, -1798), sample(-898, -898), sample(1, 1), sample(901, 901)];
  assert.deepEqual(
    times(notBeforeStart(samples)).map(([dts, pts]) => [dts, pts]),
    [
      [0, 0],
      [1, 1],
      [2, 2],
      [901, 901],
    ],
  );
});

test("long frames are gone through in steps that are not much shorter", () => {
  const samples = [sample(-18_000, -18_000), sample(-9000, -9000), sample(0, 0)].map((one) => ({ ...one, durationTicks: 9000 }));
  assert.deepEqual(
    notBeforeStart(samples).map(({ dtsTicks }) => dtsTicks),
    [0, 9, 18],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameMemory } from "./frame-memory.ts";
import type { TimedFrame } from "./frame-timeline.ts";
import { SampleQueue } from "./sample-queue.ts";

const CLOCK_HZ = 1000;

function frameAt(dtsTicks: number): TimedFrame {
  const times = { dtsTicks, ptsOffsetTicks: 0, captureUs: dtsTicks * 1000, senderUtcUs: undefined };
  return { ...times, keyframe: true, damaged: false, frame: [Buffer.alloc(1)], sizeBytes: 1, nominalTicks: 20 };
}

function queueOf(...dtsTicks: number[]): SampleQueue {
  const queue = new SampleQueue(CLOCK_HZ, 0, new FrameMemory().keeper());
  for (const ticks of dtsTicks) queue.push(frameAt(ticks));
  return queue;
}

function takenBefore(queue: SampleQueue, endS: number): number[][] {
  return queue.takeBefore(endS).map(({ dtsTicks, durationTicks }) => [dtsTicks, durationTicks]);
}

test("the newest frame waits for the next one to tell how long it lasts, and no longer than a second", () => {
  const queue = queueOf(0, 30, 60);
  assert.deepEqual(takenBefore(queue, 1), [
    [0, 30],
    [30, 30],
  ]);
  assert.deepEqual(takenBefore(queue, 1.06), []);
  assert.deepEqual(takenBefore(queue, 1.07), [[60, 20]]);
  assert.deepEqual(takenBefore(queue, 9), []);
});

test("frames behind a hole are left for later, and none lasts over it", () => {
  const queue = queueOf(0, 30, 1530, 1560, 1590);
  assert.deepEqual(takenBefore(queue, 2), [
    [0, 30],
    [30, 20],
  ]);
  assert.deepEqual(takenBefore(queue, 2), [
    [1530, 30],
    [1560, 30],
  ]);
});

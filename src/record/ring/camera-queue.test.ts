import assert from "node:assert/strict";
import { test } from "node:test";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import type { Fragment } from "../store.ts";
import { CameraQueue, type QueuedFragment } from "./camera-queue.ts";
import { runFormatOf } from "./run-format.ts";

const format = runFormatOf([syntheticTrack()])!;
const recording = { format, start: { tracks: [], captureUs: 0, gapBefore: undefined } };

function item(captureS: number, keyframe: boolean, sizeBytes = 100): QueuedFragment {
  const fragment: Fragment = {
    samples: [],
    captureUs: captureS * 1e6,
    durationUs: 1e6,
    keyframe,
    gapBefore: undefined,
    senderUtcUs: undefined,
    sizeBytes,
  };
  return { fragment, recording };
}

test("full by bytes or by time; then a keyframe is wanted", () => {
  const byBytes = new CameraQueue({ maxBytes: 250, maxMs: 1e6 });
  assert.deepEqual(
    [true, false, false].map((key, i) => byBytes.push(item(i, key))),
    [true, true, false],
  );
  byBytes.shift();
  assert.equal(byBytes.push(item(3, false)), false);
  assert.equal(byBytes.push(item(4, true)), true);
  assert.equal(byBytes.push(item(5, false)), false);
  const byTime = new CameraQueue({ maxBytes: 1e6, maxMs: 3000 });
  assert.deepEqual(
    [0, 1, 2, 3].map((at) => byTime.push(item(at, true))),
    [true, true, true, false],
  );
});

test("an empty queue takes what is larger than the queue", () => {
  assert.equal(new CameraQueue({ maxBytes: 10, maxMs: 10 }).push(item(0, true, 1000)), true);
});

test("groups are dropped whole, the oldest first", () => {
  const queue = new CameraQueue({ maxBytes: 1e6, maxMs: 1e6 });
  for (const [at, key] of [true, false, false, true, false].entries()) queue.push(item(at, key));
  assert.equal(queue.dropGroup(), 3);
  assert.deepEqual([queue.length, queue.sizeBytes, queue.first?.fragment.captureUs], [2, 200, 3e6]);
  assert.equal(queue.dropGroup(), 2);
  assert.equal(queue.push(item(5, false)), false); // its keyframe is gone
  assert.equal(queue.push(item(6, true)), true);
  assert.equal(queue.dropGroup(), 1);
  assert.equal(queue.dropGroup(), 0);
});

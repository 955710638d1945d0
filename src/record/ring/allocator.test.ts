import assert from "node:assert/strict";
import { test } from "node:test";
import { type CameraUse, chooseChunk, DEFAULT_QUOTA } from "./allocator.ts";

const HOUR_MS = 3_600_000;
const CHUNK_MS = 32_000;

/** A camera whose oldest chunk, if one may go, has the camera's number × 10. */
function camera(cameraId: number, hours: number, more: Partial<CameraUse> & { readonly oldestUs?: number } = {}): CameraUse {
  const { oldestUs = cameraId, ...rest } = more;
  const oldest = { chunk: cameraId * 10, bootCounter: 1, monoUs: oldestUs, durationMs: CHUNK_MS };
  return { cameraId, quota: DEFAULT_QUOTA, sizeBytes: hours * 1e9, durationMs: hours * HOUR_MS, oldest, ...rest };
}

test("a free chunk first", () => {
  assert.equal(chooseChunk(1, 16e6, 5, [camera(1, 10), camera(2, 90)]), 5);
});

test("cameras get equal time by weight: the one most over its share goes first", () => {
  assert.equal(chooseChunk(1, 16e6, undefined, [camera(1, 10), camera(2, 20), camera(3, 40)]), 30);
  const heavy = camera(3, 40, { quota: { ...DEFAULT_QUOTA, weight: 4 } });
  assert.equal(chooseChunk(1, 16e6, undefined, [camera(1, 10), camera(2, 20), heavy]), 20);
});

test("shares that are about equal: the oldest chunk of all", () => {
  const cameras = [camera(1, 20, { oldestUs: 500 }), camera(2, 20.5, { oldestUs: 100 }), camera(3, 21, { oldestUs: 300 })];
  assert.equal(chooseChunk(3, 16e6, undefined, cameras), 20);
});

test("a minimum is kept while somebody else has more than theirs", () => {
  const quota = { ...DEFAULT_QUOTA, minMs: 30 * HOUR_MS };
  const keeps = camera(1, 30, { quota, oldestUs: 1 });
  assert.equal(chooseChunk(1, 16e6, undefined, [keeps, camera(2, 5, { oldestUs: 9 })]), 20);
  assert.equal(chooseChunk(1, 16e6, undefined, [keeps, camera(2, 5, { quota, oldestUs: 9 })]), 10);
});

test("a camera at its size overwrites its own, even while others are free", () => {
  const quota = { ...DEFAULT_QUOTA, maxBytes: 1e9 };
  assert.equal(chooseChunk(1, 16e6, 7, [camera(1, 1, { quota }), camera(2, 90)]), 10);
  assert.equal(chooseChunk(1, 16e6, 7, [camera(1, 1, { quota, oldest: undefined }), camera(2, 90)]), 7);
  // Over it since it was lowered: it goes before one with more time.
  assert.equal(chooseChunk(2, 16e6, undefined, [camera(1, 30, { quota }), camera(2, 90)]), 10);
});

test("what is locked is not seen; if that is all, there is none", () => {
  assert.equal(chooseChunk(1, 16e6, undefined, [camera(1, 10, { oldest: undefined }), camera(2, 1)]), 20);
  assert.equal(chooseChunk(1, 16e6, undefined, [camera(1, 10, { oldest: undefined })]), undefined);
  assert.equal(chooseChunk(1, 16e6, undefined, []), undefined);
});

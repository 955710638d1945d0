import assert from "node:assert/strict";
import { test } from "node:test";
import { SyncTimes } from "./sync-times.ts";

test("percentiles of the last ten minutes, of some files", () => {
  let nowUs = 0;
  const times = new SyncTimes(() => nowUs);
  for (let ms = 1; ms <= 100; ms++) times.note("/rec/a", ms);
  times.note("/data/b", 900);
  const isRec = (path: string): boolean => path.startsWith("/rec/");
  assert.deepEqual(times.of(isRec), { p50Ms: 51, p99Ms: 100, maxMs: 100 });
  assert.deepEqual(times.of(() => true)?.maxMs, 900);
  nowUs = 600e6;
  assert.ok(times.of(isRec) !== undefined);
  nowUs++;
  assert.equal(times.of(isRec), undefined);
});

test("a thousand are kept", () => {
  const times = new SyncTimes(() => 0);
  times.note("/first", 5000);
  for (let i = 0; i < 1024; i++) times.note("/rec/a", 1);
  assert.equal(times.of(() => true)?.maxMs, 1);
});

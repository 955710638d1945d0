import assert from "node:assert/strict";
import { test } from "node:test";
import { SyncPace, syncDueUs } from "./sync-pace.ts";

test("cameras are synced in turn, each once a period, and never later than a period", () => {
  assert.deepEqual(
    [0, 0.25, 0.5, 0.75].map((phase) => syncDueUs(10_100_000, 1000, phase)),
    [11_000_000, 10_250_000, 10_500_000, 10_750_000],
  );
  for (let us = 0; us < 3_000_000; us += 77_777) {
    const waitUs = syncDueUs(us, 1000, 0.3) - us;
    assert.ok(waitUs > 0 && waitUs <= 1_000_000);
  }
  assert.equal(syncDueUs(123, 0, 0.5), 123);
});

test("a stall slows the pace until syncs were quick for ten minutes", () => {
  const pace = new SyncPace(1000);
  assert.equal(pace.stall(0), true);
  assert.equal(pace.stall(1e6), false);
  assert.equal(pace.periodMs, 2000);
  for (let second = 2; second < 600; second += 2) assert.equal(pace.synced(100, second * 1e6), false);
  assert.equal(pace.synced(100, 602e6), true);
  assert.equal(pace.periodMs, 1000);

  pace.stall(0);
  for (let second = 2; second < 620; second += 2) assert.equal(pace.synced(second % 20 === 0 ? 600 : 100, second * 1e6), false);
  assert.equal(pace.isStalled, true);
  pace.basePeriodMs = 5000;
  assert.equal(pace.periodMs, 5000);
});

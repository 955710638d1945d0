import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_DRIFT_POINTS } from "#containers/fmp4/stamp-box.ts";
import { DriftTable } from "./drift-table.ts";

const SECOND_US = 1e6;

/** What the table says of an instant. */
function driftAt({ points }: DriftTable, atUs: number): number {
  return points.findLast(({ atMs }) => atMs * 1000 <= atUs)?.driftUs ?? 0;
}

test("a clock that runs as ours needs no point", () => {
  const table = new DriftTable();
  for (let second = 0; second < 3600; second++) table.note(second * SECOND_US, (second % 7) * 1000);
  assert.deepEqual(table.points, []);
});

test("a drift is followed closely, with few points", () => {
  for (const ppm of [-300, -50, 50, 300]) {
    const table = new DriftTable();
    let changes = 0;
    for (let second = 0; second < 3600; second++) {
      if (table.note(second * SECOND_US, second * ppm)) changes++;
      assert.ok(Math.abs(driftAt(table, second * SECOND_US) - second * ppm) < 80_000);
      assert.ok(table.points.length <= MAX_DRIFT_POINTS);
    }
    assert.ok(changes <= 60, `${changes} changes`);
    for (let second = 60; second < 3600; second++)
      assert.ok(Math.abs(driftAt(table, second * SECOND_US) - second * ppm) <= 80_000, `${ppm} ppm`);
  }
});

test("frames that came late at the start were captured earlier: all of them", () => {
  const table = new DriftTable();
  assert.equal(table.note(0, 0), false);
  assert.equal(table.note(1 * SECOND_US, -60_000), true);
  assert.equal(table.note(2 * SECOND_US, -142_000), true);
  assert.deepEqual(table.points, [{ atMs: 0, driftUs: -142_000 }]);
  assert.equal(table.note(1800 * SECOND_US, -120_000), true);
  assert.equal(table.note(3600 * SECOND_US, -142_000), true, "later it is a drift");
  assert.deepEqual(table.points, [
    { atMs: 0, driftUs: -142_000 },
    { atMs: 1_800_000, driftUs: -120_000 },
    { atMs: 3_600_000, driftUs: -142_000 },
  ]);
});

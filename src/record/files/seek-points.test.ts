import assert from "node:assert/strict";
import { test } from "node:test";
import { SeekPoints } from "./seek-points.ts";

test("the last point at or before an instant; few are kept, however many are told", () => {
  const points = new SeekPoints();
  assert.equal(points.before(5), undefined);
  for (let round = 0; round < 2; round++) for (let atS = 1; atS < 100; atS += 0.5) points.note(atS, atS * 1000);
  assert.equal(points.before(0.9), undefined);
  for (const [atS, offset] of [
    [1, 1000],
    [10.9, 1000],
    [11, 11_000],
    [99, 91_000],
    [1e9, 91_000],
  ] as const) {
    assert.equal(points.before(atS), offset);
  }
});

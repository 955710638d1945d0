import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentile, slope } from "./statistics.ts";

test("a median of an even number of values lies between the middle two", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([9, 1, 5]), 5);
});

test("a percentile is one of the values", () => {
  const values = [5, 1, 4, 2, 3];
  assert.deepEqual(
    [0, 0.5, 0.8, 0.99, 1].map((share) => percentile(values, share)),
    [1, 3, 4, 5, 5],
  );
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

test("a slope is that of the line through the middle of the points", () => {
  const points = [1, 2, 3, 4].map((x) => ({ x, y: 10 - 2 * x + (x % 2 === 0 ? 0.5 : -0.5) }));
  assert.ok(Math.abs(slope(points) - -1.8) < 1e-9, `${slope(points)}`);
  assert.ok(Number.isNaN(slope([{ x: 1, y: 1 }])));
});

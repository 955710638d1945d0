// Gaps, added up by path and cause.
import assert from "node:assert/strict";
import { test } from "node:test";
import { GapTotals } from "./gap-totals.ts";

test("gaps of a path are added up by cause", () => {
  const totals = new GapTotals();
  totals.note("gate", { fromUs: 1_000_000, toUs: 3_500_000, cause: "source" });
  totals.note("gate", { fromUs: 5_000_000, toUs: 6_000_000, cause: "disk" });
  totals.note("yard", { fromUs: 0, toUs: 0, cause: "off" });
  totals.note("gate", { fromUs: 9_000_000, toUs: 9_500_000, cause: "source" });
  assert.deepEqual(totals.list(), [
    { path: "gate", cause: "source", count: 2, seconds: 3 },
    { path: "gate", cause: "disk", count: 1, seconds: 1 },
    { path: "yard", cause: "off", count: 1, seconds: 0 },
  ]);
});

test("names that strangers make up are forgotten, the first ones first", () => {
  const totals = new GapTotals();
  for (let i = 0; i < 5000; i++) totals.note(`path ${i}`, { fromUs: 0, toUs: 1, cause: "source" });
  const paths = totals.list().map(({ path }) => path);
  assert.equal(paths.length, 1024);
  assert.equal(paths.at(-1), "path 4999");
});

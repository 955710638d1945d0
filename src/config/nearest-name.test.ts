import assert from "node:assert/strict";
import { it } from "node:test";
import { editDistance, nearestName } from "./nearest-name.ts";

it("counts insertions, deletions and replacements", () => {
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
  assert.equal(editDistance("same", "same"), 0);
});

it("finds the name that was meant, whatever its case", () => {
  const names = ["source", "sourceOnDemand", "record", "api"];
  assert.equal(nearestName("sorce", names), "source");
  assert.equal(nearestName("SOURCEONDEMAND", names), "sourceOnDemand");
  assert.equal(nearestName("apis", names), "api");
});

it("finds none where nothing is near, and does not work on absurd names", () => {
  assert.equal(nearestName("zzzzzz", ["source", "record"]), undefined);
  assert.equal(nearestName("xy", ["ab"]), undefined);
  assert.equal(nearestName("s".repeat(10_000), ["source"]), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ResyncLimit } from "./resync-limit.ts";

function passedAt(timesS: readonly number[]): number[] {
  const limit = new ResyncLimit();
  return timesS.filter((atS) => limit.isPassed(atS * 1e6));
}

test("five in ten seconds are borne, a sixth is not", () => {
  assert.deepEqual(passedAt([0, 1, 2, 3, 4]), []);
  assert.deepEqual(passedAt([0, 1, 2, 3, 4, 10]), [10]);
  assert.deepEqual(passedAt([0, 0, 0, 0, 0, 0]), [0]);
});

test("what is older than ten seconds is forgotten", () => {
  assert.deepEqual(passedAt([0, 1, 2, 3, 4, 10.1]), []);
  assert.deepEqual(passedAt(Array.from({ length: 100 }, (_, i) => i * 2.1)), []);
  assert.deepEqual(passedAt([0, 1, 2, 3, 4, 10.1, 10.2, 10.9]), [10.2, 10.9]);
});

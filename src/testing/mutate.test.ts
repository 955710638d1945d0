import assert from "node:assert/strict";
import { test } from "node:test";
import { mutate, seededRandom } from "./mutate.ts";

test("a seed gives the same damage again, another seed another", () => {
  const bytes = Buffer.from(Array.from({ length: 100 }, (_, i) => i));
  const run = (seed: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: 50 }, () => mutate(bytes, random).toString("hex"));
  };
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(run(1), run(2));
  assert.deepEqual(
    [...bytes],
    Array.from({ length: 100 }, (_, i) => i),
    "the input is untouched",
  );
  assert.ok(new Set(run(3)).size > 45, "rounds differ");
});

test("numbers stay in range and reach all of it", () => {
  const random = seededRandom(7);
  const seen = new Set(Array.from({ length: 1000 }, () => random(10)));
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(mutate(Buffer.alloc(0), random).length < 100, true);
});

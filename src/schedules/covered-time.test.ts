import assert from "node:assert/strict";
import { test } from "node:test";
import { CoveredTime } from "./covered-time.ts";

test("a stretch has its end and not its begin; what follows on belongs to it", () => {
  const covered = new CoveredTime();
  covered.add(10, 20);
  covered.add(20, 30);
  assert.deepEqual(
    [10, 11, 20, 30, 31].map((at) => covered.has(at)),
    [false, true, true, true, false],
  );
});

test("stretches apart have nothing between them", () => {
  const covered = new CoveredTime();
  covered.add(10, 20);
  covered.add(40, 50);
  covered.add(0, 15);
  assert.deepEqual(
    [5, 12, 18, 30, 45].map((at) => covered.has(at)),
    [true, true, true, false, true],
  );
});

test("however often a clock is set, only so many are kept, the newest", () => {
  const covered = new CoveredTime();
  for (let i = 0; i < 1000; i++) covered.add(i * 10, i * 10 + 5);
  assert.equal(covered.has(3), false);
  assert.equal(covered.has(9993), true);
});

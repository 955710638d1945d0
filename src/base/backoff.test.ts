import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "./backoff.ts";

const waits = (backoff: Backoff, count: number): number[] => Array.from({ length: count }, () => backoff.nextMs());

test("waits grow by the factor up to the cap, and start again after a success", () => {
  const backoff = new Backoff({ baseMs: 100, capMs: 1000, factor: 3, random: () => 0.5 });
  assert.deepEqual(waits(backoff, 5), [100, 300, 900, 1000, 1000]);
  backoff.reset();
  assert.deepEqual(waits(backoff, 2), [100, 300]);
});

test("jitter moves a wait by a fifth either way, and does not add up", () => {
  const extremes = [0, 1, 0];
  const backoff = new Backoff({ baseMs: 1000, capMs: 60_000, random: () => extremes.shift() ?? 0.5 });
  assert.deepEqual(waits(backoff, 4), [800, 2400, 3200, 8000]);
});

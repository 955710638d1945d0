import assert from "node:assert/strict";
import { test } from "node:test";
import { ratios, runInterleaved, summarize } from "./harness.ts";

test("contenders take turns, setting by setting", async () => {
  const order: string[] = [];
  const contender = (name: string) => ({ name, run: async (readers: number) => ({ cost: order.push(`${name}${readers}`) }) });
  const results = await runInterleaved([contender("a"), contender("b")], [1, 2], 3, () => {});
  assert.deepEqual(order, ["a1", "b1", "a1", "b1", "a1", "b1", "a2", "b2", "a2", "b2", "a2", "b2"]);
  assert.deepEqual(results[0]?.figures, { cost: { median: 3, min: 1, max: 5 } });
});

test("figures that a run could not take are left out of the summary", () => {
  assert.deepEqual(summarize([{ a: 1, b: Number.NaN }, { a: 3 }]), { a: { median: 2, min: 1, max: 3 } });
});

test("ratios are made of shared figures alone", () => {
  const summary = (value: number) => ({ median: value, min: value, max: value });
  assert.deepEqual(ratios({ a: summary(1), b: summary(2) }, { a: summary(4), c: summary(2) }), { a: 0.25 });
});

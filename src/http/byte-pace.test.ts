import assert from "node:assert/strict";
import { test } from "node:test";
import { BytePace } from "./byte-pace.ts";

const never = new AbortController().signal;

async function* chunks(...sizes: number[]): AsyncGenerator<Buffer> {
  for (const size of sizes) yield Buffer.alloc(size, size);
}

test("bytes go at the rate, in slices of a quarter of a second, whatever chunks they come in", async () => {
  let nowMs = 0;
  const pace = new BytePace({
    kbps: 800, // 100 bytes a ms
    nowMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  });
  const sizes: number[] = [];
  let total = 0;
  for await (const slice of pace.slow(chunks(100_000, 10, 60_000), never)) {
    sizes.push(slice.length);
    total += slice.length;
  }
  assert.deepEqual([total, Math.max(...sizes)], [160_010, 25_000]);
  assert.ok(Math.abs(nowMs - (160_010 - sizes.at(-1)!) / 100) < 1, `${nowMs} ms`);
});

test("a pause between parts earns nothing, and an abort ends the wait", async () => {
  let nowMs = 0;
  const slept: number[] = [];
  const pace = new BytePace({
    kbps: 8,
    nowMs: () => nowMs,
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      slept.push(ms);
      nowMs += ms;
    },
  });
  for await (const _ of pace.slow(chunks(512), never));
  nowMs += 1_000_000;
  for await (const _ of pace.slow(chunks(1024), never));
  assert.deepEqual(slept, [512]);
  const abort = new AbortController();
  abort.abort(new Error("enough"));
  await assert.rejects(async () => {
    for await (const _ of pace.slow(chunks(1024), abort.signal));
  }, /enough/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockPool } from "./block-pool.ts";

const BLOCK_BYTES = 65_536;

test("a block that was given back is taken again, the smallest that is large enough", () => {
  const pool = new BlockPool();
  const small = pool.take(1);
  const large = pool.take(BLOCK_BYTES + 1);
  assert.deepEqual([small.length, large.length], [BLOCK_BYTES, 2 * BLOCK_BYTES]);
  assert.equal(pool.usedBytes, 3 * BLOCK_BYTES);
  pool.give(large);
  pool.give(small);
  assert.deepEqual([pool.usedBytes, pool.freeBytes], [0, 3 * BLOCK_BYTES]);
  assert.equal(pool.take(1000), small);
  assert.equal(pool.take(1000), large);
  assert.deepEqual([pool.usedBytes, pool.freeBytes], [3 * BLOCK_BYTES, 0]);
});

test("1 MiB lies free at most, or a quarter of what is in use", () => {
  const pool = new BlockPool();
  const blocks = Array.from({ length: 256 }, () => pool.take(BLOCK_BYTES));
  for (const block of blocks.slice(0, 128)) pool.give(block);
  assert.deepEqual([pool.usedBytes, pool.freeBytes], [8 << 20, 2 << 20]);
  for (const block of blocks.slice(128)) pool.give(block);
  assert.deepEqual([pool.usedBytes, pool.freeBytes], [0, 1 << 20]);
  pool.trim(BLOCK_BYTES);
  assert.equal(pool.freeBytes, BLOCK_BYTES);
});

test("a block that is forgotten counts no more, and does not come back", () => {
  const pool = new BlockPool();
  const block = pool.take(1);
  pool.forget(block);
  assert.equal(pool.usedBytes, 0);
  assert.equal(pool.takeFree(1), undefined);
});

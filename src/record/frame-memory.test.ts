import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameMemory, type KeptBytes, PREFIX_BYTES } from "./frame-memory.ts";

const BLOCK_BYTES = 65_536;

function frameOf(fill: number, ...sizes: number[]): Buffer[] {
  return sizes.map((size, i) => Buffer.alloc(size, fill + i));
}

const sizeOf = (parts: readonly Buffer[]) => parts.reduce((sum, { length }) => sum + length, 0);

test("frames are kept part by part, each behind its length, whatever becomes of what they were copied from", () => {
  const memory = new FrameMemory();
  const keeper = memory.keeper();
  const frame = frameOf(1, 9, 0, 3000);
  const kept = keeper.keep(frame, sizeOf(frame));
  const next = keeper.keep(frameOf(7, 5), 5);
  for (const part of frame) part.fill(99);
  assert.deepEqual(kept.parts, frameOf(1, 9, 0, 3000));
  assert.deepEqual(next.parts, frameOf(7, 5));
  for (const part of kept.parts) {
    assert.equal(Buffer.from(part.buffer, part.byteOffset - PREFIX_BYTES, PREFIX_BYTES).readUInt32BE(0), part.length);
  }
  assert.deepEqual(keeper.keep([], 0).parts, []);
});

test("a block is used again once all frames in it are let go and it is filled no more", () => {
  const memory = new FrameMemory();
  const keeper = memory.keeper();
  const first = keeper.keep(frameOf(1, 40_000), 40_000);
  const second = keeper.keep(frameOf(2, 20_000), 20_000);
  assert.equal(memory.usedBytes, BLOCK_BYTES, "both in one");
  first.letGo();
  second.letGo();
  assert.equal(memory.usedBytes, BLOCK_BYTES, "it is open");
  const third = keeper.keep(frameOf(3, 30_000), 30_000);
  assert.equal(memory.usedBytes, BLOCK_BYTES, "the next one; the first is free");
  assert.deepEqual(third.parts, frameOf(3, 30_000));
  const fourth = keeper.keep(frameOf(4, 100_000), 100_000);
  assert.equal(memory.usedBytes, 3 * BLOCK_BYTES, "two blocks in one for a large frame");
  keeper.close();
  third.letGo();
  assert.deepEqual(fourth.parts, frameOf(4, 100_000));
  fourth.letGo();
  assert.equal(memory.usedBytes, 0);
});

test("frames that wait for different times never see each other", () => {
  const memory = new FrameMemory();
  const keepers = [memory.keeper(), memory.keeper(), memory.keeper()];
  const waiting: { readonly kept: KeptBytes; readonly fill: number; readonly sizeBytes: number }[] = [];
  for (let i = 0; i < 3000; i++) {
    const sizeBytes = (i * 7919) % 30_000;
    const fill = i % 251;
    waiting.push({ kept: keepers[i % 3]!.keep(frameOf(fill, sizeBytes), sizeBytes), fill, sizeBytes });
    if (waiting.length < 40) continue;
    const { kept, fill: was, sizeBytes: size } = waiting.splice((i * 31) % waiting.length, 1)[0]!;
    const [part] = kept.parts;
    assert.ok(part!.length === size && part!.every((byte) => byte === was));
    kept.letGo();
  }
  for (const { kept } of waiting) kept.letGo();
  for (const keeper of keepers) keeper.close();
  assert.equal(memory.usedBytes, 0);
});

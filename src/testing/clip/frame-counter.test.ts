import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME_COUNTER_LIMIT, frameCounterBlock, frameCounterBlocks, readFrameCounter } from "./frame-counter.ts";

/** A grey picture with the strip as a decoder gives it: limited range, not quite black and white. */
function picture(blocks: readonly boolean[], width: number, height: number): Uint8Array {
  const gray = new Uint8Array(width * height).fill(100);
  for (const [index, white] of blocks.entries()) {
    const { x, size } = frameCounterBlock(index, width);
    for (let y = 0; y < size; y += 1) gray.fill(white ? 226 : 24, y * width + x, y * width + x + size);
  }
  return gray;
}

test("every number that is written is read, at the clip's size and scaled", () => {
  for (let frame = 0; frame < FRAME_COUNTER_LIMIT; frame += 1) {
    assert.equal(readFrameCounter(picture(frameCounterBlocks(frame), 640, 36), 640, 36), frame);
  }
  assert.equal(readFrameCounter(picture(frameCounterBlocks(777), 1280, 720), 1280, 720), 777);
  assert.equal(readFrameCounter(picture(frameCounterBlocks(777), 320, 180), 320, 180), 777);
});

test("a single wrong block makes no other number", () => {
  for (const frame of [0, 1, 13, 299, 499]) {
    for (let wrong = 0; wrong < 16; wrong += 1) {
      const blocks = frameCounterBlocks(frame).map((white, index) => (index === wrong ? !white : white));
      assert.equal(readFrameCounter(picture(blocks, 640, 36), 640, 36), undefined, `frame ${frame}, block ${wrong}`);
    }
  }
});

test("a picture without the strip, or too small for it, has no number", () => {
  assert.equal(readFrameCounter(new Uint8Array(640 * 360).fill(100), 640, 360), undefined);
  assert.equal(readFrameCounter(new Uint8Array(640 * 360), 640, 360), undefined);
  assert.equal(readFrameCounter(new Uint8Array(100), 640, 360), undefined);
  assert.equal(readFrameCounter(new Uint8Array(10), 10, 1), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { readIvfFile } from "#testing/elementary-streams.ts";
import { isVp8Keyframe, parseVp8Picture } from "./header.ts";

const clip = readIvfFile(new URL("../testdata/vp8.ivf", import.meta.url));

test("keyframes of a clip, and the size of their picture", () => {
  assert.deepEqual(
    clip.map(isVp8Keyframe),
    clip.map((_, i) => i % 7 === 0),
  );
  assert.deepEqual(parseVp8Picture(clip[7]!), { widthPx: 176, heightPx: 96 });
  assert.equal(parseVp8Picture(clip[1]!), undefined);
});

test("the size is without the bits that say how to scale it", () => {
  const scaled = Buffer.from(clip[0]!);
  scaled[7] = scaled[7]! | 0xc0;
  scaled[9] = scaled[9]! | 0x40;
  assert.deepEqual(parseVp8Picture(scaled), { widthPx: 176, heightPx: 96 });
});

test("what is cut short, has another start code or no size is no keyframe's header", () => {
  for (let length = 0; length < 10; length++) assert.equal(parseVp8Picture(clip[0]!.subarray(0, length)), undefined);
  for (const [at, byte] of [
    [4, 0x02],
    [6, 0],
    [8, 0],
  ] as const) {
    const other = Buffer.from(clip[0]!);
    other[at] = byte;
    assert.equal(parseVp8Picture(other), undefined, `byte ${at}`);
  }
  assert.equal(isVp8Keyframe(Buffer.from([0x00])), false);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { readIvfFile } from "#testing/elementary-streams.ts";
import { isVp9Keyframe, parseVp9Picture } from "./header.ts";

const frames = (name: string) => readIvfFile(new URL(`../testdata/${name}.ivf`, import.meta.url));
const PICTURE = { profile: 0, widthPx: 176, heightPx: 96, bitDepth: 8, chromaSubsampling: 1, fullRange: false } as const;

test("keyframes of a clip with hidden frames", () => {
  const clip = frames("vp9-altref");
  assert.deepEqual(
    clip.map(isVp9Keyframe),
    clip.map((_, i) => i % 7 === 0),
  );
  assert.deepEqual(parseVp9Picture(clip[7]!), PICTURE);
  assert.equal(parseVp9Picture(clip[1]!), undefined);
});

test("the profiles", () => {
  assert.deepEqual(parseVp9Picture(frames("vp9-profile1")[0]!), { ...PICTURE, profile: 1, chromaSubsampling: 3, fullRange: true });
  assert.deepEqual(parseVp9Picture(frames("vp9-profile3")[0]!), { ...PICTURE, profile: 3, bitDepth: 10, chromaSubsampling: 2 });
});

test("what is cut short, or has another sync code, is no keyframe's header", () => {
  const [key] = frames("vp9-altref");
  for (let length = 0; length < 9; length++) assert.equal(parseVp9Picture(key!.subarray(0, length)), undefined);
  const other = Buffer.from(key!);
  other[2]! ^= 1;
  assert.equal(parseVp9Picture(other), undefined);
  assert.equal(isVp9Keyframe(Buffer.from([0x00])), false, "no frame marker");
  assert.equal(isVp9Keyframe(Buffer.from([0x88])), false, "a frame shown again");
});

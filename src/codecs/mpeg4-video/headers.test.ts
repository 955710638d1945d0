import assert from "node:assert/strict";
import { test } from "node:test";
import { readMpeg4File } from "#testing/elementary-streams.ts";
import { reorderBoundsOf } from "../reorder.ts";
import { isMpeg4VideoKeyframe, mpeg4VideoConfig, mpeg4VideoLayerHeader, mpeg4VopType, parseMpeg4VideoConfig } from "./headers.ts";

const frames = (name: string) => readMpeg4File(new URL(`../testdata/${name}.m4v`, import.meta.url));
const I = 0;

test("two encoders: sizes, profiles, B-pictures", () => {
  const config = (name: string) => mpeg4VideoConfig(frames(name)[0]!)!;
  assert.deepEqual(parseMpeg4VideoConfig(config("mpeg4-b2")), {
    widthPx: 176,
    heightPx: 96,
    profileLevel: 0xf1,
    lowDelay: false,
    timeResolution: 25,
  });
  assert.deepEqual(parseMpeg4VideoConfig(config("mpeg4-xvid")), {
    widthPx: 176,
    heightPx: 96,
    profileLevel: 3,
    lowDelay: true,
    timeResolution: 25,
  });
  const bounds = (name: string) => reorderBoundsOf({ codec: "mpeg4-video", config: config(name) });
  assert.deepEqual(bounds("mpeg4-b2"), { stated: 1, most: 1, fps: undefined });
  assert.deepEqual(bounds("mpeg4-xvid"), { stated: 0, most: 0, fps: undefined });
  assert.deepEqual(reorderBoundsOf({ codec: "mpeg4-video" }), { stated: undefined, most: 1, fps: undefined });
});

test("pictures and keyframes", () => {
  const clip = frames("mpeg4-b2");
  const types = clip.map((frame) => mpeg4VopType(frame, 0, frame.length));
  assert.equal(types.join(""), "012212202212212202");
  assert.deepEqual(
    clip.map(isMpeg4VideoKeyframe),
    types.map((type) => type === I),
  );
});

test("the configuration ends before the picture; a frame without one has none", () => {
  const [first, second] = frames("mpeg4-b2");
  const config = mpeg4VideoConfig(first!)!;
  assert.equal(config.toString("hex", 0, 5), "000001b0f1");
  assert.equal(first!.readUInt32BE(config.length), 0x1b3, "the group of pictures is not part of it");
  assert.equal(mpeg4VideoLayerHeader(config)!.toString("hex", 0, 4), "00000120");
  assert.equal(mpeg4VideoConfig(second!), undefined);
  assert.equal(mpeg4VideoConfig(Buffer.alloc(0)), undefined);
  const layer = mpeg4VideoLayerHeader(config)!;
  for (let length = 0; length < 13; length++) assert.equal(parseMpeg4VideoConfig(layer.subarray(0, length)), undefined);
});

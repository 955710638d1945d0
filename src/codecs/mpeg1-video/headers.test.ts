import assert from "node:assert/strict";
import { test } from "node:test";
import { readMpegVideoFile } from "#testing/elementary-streams.ts";
import { reorderBoundsOf } from "../reorder.ts";
import {
  findMpegPicture,
  isMpegVideoKeyframe,
  MpegPictureType,
  mpegPictureType,
  mpegVideoConfig,
  parseMpegVideoSequence,
} from "./headers.ts";

const frames = (name: string) => readMpegVideoFile(new URL(`../testdata/${name}`, import.meta.url));

test("MPEG-1 and MPEG-2 sequences", () => {
  const common = { widthPx: 176, heightPx: 96, fps: 25, lowDelay: false };
  const config = (name: string) => mpegVideoConfig(frames(name)[0]!)!;
  assert.deepEqual(parseMpegVideoSequence(config("mpeg2-b2.m2v")), { ...common, isMpeg2: true, profileLevel: 0x48 });
  assert.deepEqual(parseMpegVideoSequence(config("mpeg1-b2.m1v")), { ...common, isMpeg2: false, profileLevel: undefined });
  assert.deepEqual(reorderBoundsOf({ codec: "mpeg1-video", config: config("mpeg2-b2.m2v") }), { stated: 1, most: 1, fps: 25 });
  const noDelay = Buffer.from(config("mpeg2-b2.m2v"));
  noDelay[noDelay.indexOf("000001b5", "hex") + 9]! |= 0x80; // low_delay
  assert.deepEqual(reorderBoundsOf({ codec: "mpeg1-video", config: noDelay }), { stated: 0, most: 0, fps: 25 });
});

test("pictures and keyframes", () => {
  for (const [name, types] of [
    ["mpeg2-b2.m2v", "12331332331332"],
    ["mpeg1-b2.m1v", "1233133"],
  ] as const) {
    const clip = frames(name);
    const got = clip.map((frame) => mpegPictureType(frame, findMpegPicture(frame, 0, frame.length)));
    assert.equal(got.join(""), types);
    assert.deepEqual(
      clip.map(isMpegVideoKeyframe),
      got.map((type) => type === MpegPictureType.intra),
    );
  }
});

test("the configuration is the sequence header and its extension, without what follows", () => {
  const [first, second] = frames("mpeg2-b2.m2v");
  const config = mpegVideoConfig(first!)!;
  assert.deepEqual(first!.subarray(0, config.length), config);
  assert.equal(first!.readUInt32BE(config.length), 0x1b8);
  assert.equal(mpegVideoConfig(second!), undefined);
  for (let length = 0; length < 12; length++) assert.equal(parseMpegVideoSequence(config.subarray(0, length)), undefined);
  assert.equal(findMpegPicture(second!, 0, 5), 5, "a picture header that is cut short");
  const broken = Buffer.from(config);
  broken.fill(0, 4, 7);
  assert.equal(parseMpegVideoSequence(broken), undefined, "no size");
});

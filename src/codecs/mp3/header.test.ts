import assert from "node:assert/strict";
import { test } from "node:test";
import { readMp3File } from "#testing/elementary-streams.ts";
import { frameTicks } from "../frame-ticks.ts";
import { parseMp3Header } from "./header.ts";

const frames = (name: string) => readMp3File(new URL(`../testdata/${name}`, import.meta.url));

test("layers II and III of MPEG-1, and layer III of MPEG-2", () => {
  const headers = ["mp3-stereo.mp3", "mp2-stereo.mp2", "mp3-16k.mp3"].map((name) => parseMp3Header(frames(name)[0]!));
  assert.deepEqual(headers, [
    { version: 1, layer: 3, bitRate: 64_000, sampleRateHz: 44_100, channelCount: 2, frameBytes: 208, samplesPerFrame: 1152 },
    { version: 1, layer: 2, bitRate: 256_000, sampleRateHz: 48_000, channelCount: 2, frameBytes: 768, samplesPerFrame: 1152 },
    { version: 2, layer: 3, bitRate: 32_000, sampleRateHz: 16_000, channelCount: 1, frameBytes: 144, samplesPerFrame: 576 },
  ]);
  assert.deepEqual(
    ["mp3-stereo.mp3", "mp2-stereo.mp2", "mp3-16k.mp3"].map((name) => frameTicks({ codec: "mp3" }, frames(name)[0]!)),
    [2351, 2160, 3240],
  );
});

test("padding, layer I, and the slow rates", () => {
  const size = (hex: string) => parseMp3Header(Buffer.from(hex, "hex"))?.frameBytes;
  assert.equal(size("fffb9000"), 417);
  assert.equal(size("fffb9200"), 418);
  assert.equal(size("ffff9000"), Math.floor((12 * 288_000) / 44_100) * 4);
  assert.equal(size("ffff9200"), (Math.floor((12 * 288_000) / 44_100) + 1) * 4);
  assert.equal(size("ffe3e800"), 1440);
  assert.equal(size("ffe5ea00"), 2881);
});

test("what is reserved, free or cut short is no header", () => {
  for (const hex of ["fffb00", "fffb0000", "fffbf000", "fffb9c00", "fff99000", "ffeb9000", "feff9000", "00000000"]) {
    assert.equal(parseMp3Header(Buffer.from(hex, "hex")), undefined, hex);
  }
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseAdts } from "./aac/adts.ts";
import { type AacConfig, parseAacConfig, writeAacConfig } from "./aac/config.ts";
import { aacFrameTicks, frameTicks } from "./frame-ticks.ts";
import { opusSamples } from "./opus/packet.ts";

const hex = (text: string) => Buffer.from(text, "hex");
const lc: AacConfig = {
  objectType: 2,
  sampleRateHz: 48_000,
  channelCount: 2,
  sbrSampleRateHz: undefined,
  parametricStereo: false,
  samplesPerFrame: 1024,
};

test("AudioSpecificConfig as encoders write it", () => {
  assert.deepEqual(parseAacConfig(hex("1190")), lc);
  assert.deepEqual(parseAacConfig(hex("1408")), { ...lc, sampleRateHz: 16_000, channelCount: 1 });
  assert.deepEqual(parseAacConfig(hex("1194")), { ...lc, samplesPerFrame: 960 });
  assert.deepEqual(parseAacConfig(hex("2b920800")), { ...lc, sampleRateHz: 22_050, sbrSampleRateHz: 44_100 });
  assert.deepEqual(parseAacConfig(hex("eb8a0800")), {
    ...lc,
    sampleRateHz: 22_050,
    channelCount: 1,
    sbrSampleRateHz: 44_100,
    parametricStereo: true,
  });
  // Backward compatible signalling: AAC-LC 24 kHz, then SBR at 48 kHz, then parametric stereo.
  assert.deepEqual(parseAacConfig(hex("130856e598")), { ...lc, sampleRateHz: 24_000, channelCount: 1, sbrSampleRateHz: 48_000 });
  assert.equal(parseAacConfig(hex("130856e59d4880"))?.parametricStereo, true);
});

test("AudioSpecificConfig that is broken or not AAC", () => {
  for (const text of ["", "11", "1f90", "1180", "f8", "2b92", "4990"]) {
    assert.equal(parseAacConfig(hex(text)), undefined, text);
  }
});

test("AudioSpecificConfig comes back for every rate, channel count and signalling", () => {
  for (const sampleRateHz of [96_000, 48_000, 44_100, 16_000, 8000, 7350, 12_345]) {
    for (const channelCount of [1, 2, 3, 4, 5, 6, 8]) {
      for (const [sbrSampleRateHz, parametricStereo] of [[undefined, false] as const, [44_100, false] as const, [48_000, true] as const]) {
        for (const samplesPerFrame of [960, 1024]) {
          const config: AacConfig = { ...lc, sampleRateHz, channelCount, sbrSampleRateHz, parametricStereo, samplesPerFrame };
          assert.deepEqual(parseAacConfig(writeAacConfig(config)!), config);
        }
      }
    }
  }
  assert.equal(writeAacConfig(lc)?.toString("hex"), "1190");
  assert.equal(writeAacConfig({ ...lc, channelCount: 7 }), undefined);
});

test("ADTS headers lead from frame to frame through an encoder's output", () => {
  const bytes = readFileSync(new URL("testdata/aac-lc.aac", import.meta.url));
  let at = 0;
  let frames = 0;
  for (; at < bytes.length; frames++) {
    const header = parseAdts(bytes, at);
    assert.ok(header);
    assert.deepEqual([header.objectType, header.sampleRateHz, header.channelCount, header.headerBytes], [2, 48_000, 2, 7]);
    at += header.frameBytes;
  }
  assert.equal(at, bytes.length);
  assert.equal(frames, 25); // 0.5 s, and the encoder's delay
  assert.equal(parseAdts(bytes, 1), undefined);
});

test("frame durations", () => {
  assert.equal(aacFrameTicks(hex("1190"), 48_000), 1024);
  assert.equal(aacFrameTicks(hex("2b920800"), 44_100), 2048);
  assert.equal(frameTicks({ codec: "g711", muLaw: false, sampleRateHz: 8000, channelCount: 2 }, Buffer.alloc(320)), 160);
  assert.equal(frameTicks({ codec: "lpcm", bitDepth: 24, sampleRateHz: 48_000, channelCount: 2 }, Buffer.alloc(288)), 48);
  assert.equal(frameTicks({ codec: "mjpeg" }, Buffer.alloc(10)), 0);
});

test("Opus packets tell their duration: RFC 6716 table 2, frame counts of codes 0 to 3", () => {
  const ms = (configuration: number, ...rest: number[]) => (opusSamples(Buffer.from([configuration << 3, ...rest])) ?? 0) / 48;
  assert.deepEqual(
    [0, 1, 2, 3, 8, 11].map((c) => ms(c)),
    [10, 20, 40, 60, 10, 60],
  );
  assert.deepEqual(
    [12, 13, 14, 15].map((c) => ms(c)),
    [10, 20, 10, 20],
  );
  assert.deepEqual(
    [16, 17, 18, 19, 28, 31].map((c) => ms(c)),
    [2.5, 5, 10, 20, 2.5, 20],
  );
  assert.equal(opusSamples(Buffer.from([(19 << 3) | 1, 0])), 1920);
  assert.equal(opusSamples(Buffer.from([(19 << 3) | 3, 6])), 5760);
  for (const bytes of [[], [(19 << 3) | 3], [(19 << 3) | 3, 7], [(19 << 3) | 3, 0]])
    assert.equal(opusSamples(Buffer.from(bytes)), undefined);
});

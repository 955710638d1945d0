import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseAdts } from "#codecs/aac/adts.ts";
import { writeAacConfig } from "#codecs/aac/config.ts";
import { readAdtsFrames } from "#testing/coded-clip.ts";
import { ADTS_HEADER_BYTES, adtsHeaderOf, writeAdtsHeader } from "./adts.ts";

const LC = {
  objectType: 2,
  sampleRateHz: 48_000,
  channelCount: 2,
  sbrSampleRateHz: undefined,
  parametricStereo: false,
  samplesPerFrame: 1024,
};

function configOf(changes: Partial<Parameters<typeof writeAacConfig>[0]>): Buffer {
  return writeAacConfig({ ...LC, ...changes })!;
}

test("headers are those of an encoder", () => {
  const file = new URL("../../codecs/testdata/aac-lc.aac", import.meta.url);
  const header = adtsHeaderOf(configOf({}))!;
  const stream = readAdtsFrames(file).map((frame) => {
    const adts = Buffer.alloc(ADTS_HEADER_BYTES);
    writeAdtsHeader(adts, 0, header, frame.length);
    return Buffer.concat([adts, frame]);
  });
  assert.deepEqual(Buffer.concat(stream), readFileSync(file));
});

test("what ADTS can say comes back", () => {
  for (const changes of [
    {},
    { sampleRateHz: 7350, channelCount: 8 },
    { objectType: 4, sampleRateHz: 16_000, channelCount: 1 },
    { channelCount: 6 },
  ]) {
    const adts = Buffer.alloc(ADTS_HEADER_BYTES);
    writeAdtsHeader(adts, 0, adtsHeaderOf(configOf(changes))!, 8184);
    const { objectType, sampleRateHz, channelCount } = { ...LC, ...changes };
    assert.deepEqual(parseAdts(adts), { headerBytes: 7, frameBytes: 8191, objectType, sampleRateHz, channelCount });
  }
});

test("with SBR the header is that of the core", () => {
  assert.deepEqual(
    adtsHeaderOf(configOf({ sampleRateHz: 24_000, sbrSampleRateHz: 48_000 })),
    adtsHeaderOf(configOf({ sampleRateHz: 24_000 })),
  );
});

test("what ADTS cannot say has no header", () => {
  assert.equal(adtsHeaderOf(configOf({ objectType: 23, samplesPerFrame: 512 })), undefined);
  assert.equal(adtsHeaderOf(configOf({ sampleRateHz: 12_345 })), undefined);
  assert.equal(adtsHeaderOf(configOf({ samplesPerFrame: 960 })), undefined);
  assert.equal(adtsHeaderOf(Buffer.alloc(0)), undefined);
});

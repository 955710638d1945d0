import assert from "node:assert/strict";
import { test } from "node:test";
import { BitWriter } from "#base/bit-writer.ts";
import { readObuFile } from "#testing/elementary-streams.ts";
import { joinObus } from "./obu.ts";
import { parseAv1SequenceHeader } from "./sequence-header.ts";

const header = (name: string) => readObuFile(new URL(`../testdata/${name}.obu`, import.meta.url))[0]![0]!;
const MAIN = {
  profile: 0,
  levelIdx: 0,
  tier: 0,
  widthPx: 176,
  heightPx: 96,
  bitDepth: 8,
  monochrome: false,
  subsamplingX: 1,
  subsamplingY: 1,
  chromaSamplePosition: 0,
  colorPrimaries: 2,
  transferCharacteristics: 2,
  matrixCoefficients: 2,
  fullRange: false,
};

test("the sequence headers of three encoders", () => {
  assert.deepEqual(parseAv1SequenceHeader(header("av1-main")), MAIN);
  assert.deepEqual(parseAv1SequenceHeader(header("av1-svt")), { ...MAIN, levelIdx: 1, widthPx: 640, heightPx: 360 });
  assert.deepEqual(parseAv1SequenceHeader(header("av1-rav1e")), { ...MAIN, levelIdx: 31 });
  assert.deepEqual(parseAv1SequenceHeader(header("av1-high-10bit")), {
    ...MAIN,
    profile: 1,
    bitDepth: 10,
    subsamplingX: 0,
    subsamplingY: 0,
    colorPrimaries: 1,
    transferCharacteristics: 1,
    matrixCoefficients: 1,
    fullRange: true,
  });
});

test("a size field changes nothing, and what is cut short or no sequence header is undefined", () => {
  const obu = header("av1-main");
  assert.deepEqual(parseAv1SequenceHeader(joinObus([obu])), MAIN);
  for (let length = 0; length < obu.length - 1; length++) assert.equal(parseAv1SequenceHeader(obu.subarray(0, length)), undefined);
  assert.equal(parseAv1SequenceHeader(Buffer.concat([Buffer.from([0x30]), obu.subarray(1)])), undefined, "a frame");
});

test("every optional part that cameras leave out: decoder model, several operating points, frame ids, 12 bits of 4:2:2", () => {
  const writer = new BitWriter();
  writer.bits(1 << 3, 8); // OBU header
  writer.bits(2, 3).bits(0, 2); // Professional
  writer.bits(1, 1).bits(1, 32).bits(30, 32).bits(1, 1).ue(5); // timing info with equal intervals
  writer.bits(1, 1).bits(9, 5).bits(1, 32).bits(0, 10); // decoder model, delays of 10 bits
  writer.bits(1, 1).bits(1, 5); // display delays; two operating points
  writer.bits(0x101, 12).bits(13, 5).bits(1, 1).bits(1, 1).bits(0, 21).bits(1, 1).bits(7, 4); // level 5.1, high tier
  writer.bits(0x100, 12).bits(5, 5).bits(0, 1).bits(0, 1);
  writer.bits(11, 4).bits(11, 4).bits(4095, 12).bits(2159, 12);
  writer.bits(1, 1).bits(0, 7); // frame ids
  writer.bits(0, 3).bits(0, 4).bits(1, 1).bits(0, 2); // order hints
  writer.bits(0, 1).bits(1, 1).bits(0, 1).bits(1, 1); // screen content tools forced, integer vectors forced
  writer.bits(6, 3).bits(0, 3);
  writer.bits(1, 1).bits(1, 1).bits(0, 1); // 12 bits, colour
  writer.bits(1, 1).bits(9, 8).bits(16, 8).bits(9, 8).bits(1, 1); // BT.2020, PQ, full range
  writer.bits(1, 1).bits(0, 1); // 4:2:2
  writer.bits(0, 2);
  assert.deepEqual(parseAv1SequenceHeader(writer.finish()), {
    ...MAIN,
    profile: 2,
    levelIdx: 13,
    tier: 1,
    widthPx: 4096,
    heightPx: 2160,
    bitDepth: 12,
    subsamplingY: 0,
    colorPrimaries: 9,
    transferCharacteristics: 16,
    matrixCoefficients: 9,
    fullRange: true,
  });
});

test("a still picture's short header, in grey", () => {
  const writer = new BitWriter();
  writer
    .bits(1 << 3, 8)
    .bits(0, 3)
    .bits(1, 1)
    .bits(1, 1)
    .bits(4, 5);
  writer.bits(7, 4).bits(7, 4).bits(199, 8).bits(99, 8);
  writer.bits(0, 3).bits(0, 3); // no tools of moving pictures
  writer.bits(0, 1).bits(1, 1).bits(0, 1).bits(1, 1).bits(0, 1);
  assert.deepEqual(parseAv1SequenceHeader(writer.finish()), {
    ...MAIN,
    levelIdx: 4,
    widthPx: 200,
    heightPx: 100,
    monochrome: true,
    fullRange: true,
  });
});

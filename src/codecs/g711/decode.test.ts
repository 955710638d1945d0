import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeG711 } from "./decode.ts";

const linear = (coded: number, muLaw: boolean) => decodeG711(Buffer.from([coded]), muLaw).readInt16BE(0);

test("the ends and the middle of both laws", () => {
  // ITU-T G.711 tables 1a, 1b, 2a, 2b: the largest decoder outputs, 4032 of 13 bits and 8031 of 14 bits, and the smallest.
  assert.deepEqual(
    [0xaa, 0x2a, 0xd5, 0x55].map((coded) => linear(coded, false)),
    [4032 * 8, -4032 * 8, 8, -8],
  );
  assert.deepEqual(
    [0x80, 0x00, 0xff, 0x7f].map((coded) => linear(coded, true)),
    [8031 * 4, -8031 * 4, 0, 0],
  );
});

test("each law grows from step to step, and both halves mirror each other", () => {
  const magnitudes = (codes: number[], muLaw: boolean) => codes.map((coded) => Math.abs(linear(coded, muLaw)));
  const steps = Array.from({ length: 128 }, (_, i) => i);
  const aLaw = steps.map((i) => (i | 0x80) ^ 0x55);
  const muLaw = steps.map((i) => 0xff - i);
  for (const [codes, isMuLaw] of [
    [aLaw, false],
    [muLaw, true],
  ] as const) {
    const values = magnitudes(codes, isMuLaw);
    assert.ok(values.slice(1).every((value, i) => value > values[i]!));
    assert.deepEqual(
      codes.map((coded) => linear(coded ^ 0x80, isMuLaw)),
      codes.map((coded) => 0 - linear(coded, isMuLaw)),
    );
  }
});

test("samples stay in order, two bytes each", () => {
  assert.equal(decodeG711(Buffer.from([0xd5, 0x55]), false).toString("hex"), "0008fff8");
  assert.equal(decodeG711(Buffer.alloc(0), true).length, 0);
});

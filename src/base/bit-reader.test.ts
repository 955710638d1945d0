import assert from "node:assert/strict";
import { test } from "node:test";
import { BitReader } from "./bit-reader.ts";
import { BitWriter } from "./bit-writer.ts";

test("fields of every width and alignment come back as they were written", () => {
  for (let lead = 0; lead < 8; lead++) {
    for (let width = 1; width <= 32; width++) {
      const value = 0xdeadbeef % 2 ** width;
      const reader = new BitReader(new BitWriter().bits(1, lead).bits(value, width).bits(0x15, 5).finish());
      reader.skip(lead);
      assert.equal(reader.bits(width), value, `${width} bits after ${lead}`);
      assert.equal(reader.bits(5), 0x15);
      assert.equal(reader.overrun, false);
    }
  }
});

test("Exp-Golomb codes follow table 9-2 of H.264", () => {
  const reader = new BitReader(Buffer.from([0b10100110, 0b01000010, 0b10011000]));
  assert.deepEqual([reader.ue(), reader.ue(), reader.ue(), reader.ue(), reader.ue()], [0, 1, 2, 3, 4]);
  const signed = new BitReader(Buffer.from([0b10100110, 0b01000010, 0b10000000]));
  assert.deepEqual([signed.se(), signed.se(), signed.se(), signed.se(), signed.se()], [0, 1, -1, 2, -2]);
});

test("large Exp-Golomb codes come back", () => {
  for (const value of [0, 254, 255, 256, 65535, 2 ** 31 - 2]) assert.equal(new BitReader(new BitWriter().ue(value).finish()).ue(), value);
});

test("reading past the end gives zeros and says so", () => {
  const reader = new BitReader(Buffer.from([0xff]));
  assert.equal(reader.bits(12), 0xff0);
  assert.equal(reader.overrun, true);
  assert.equal(reader.bitsLeft, 0);
  const zeros = new BitReader(Buffer.alloc(64));
  assert.equal(zeros.ue(), 0);
  assert.equal(zeros.overrun, true);
});

test("position and start byte", () => {
  const reader = new BitReader(Buffer.from([0xff, 0x40]), 1);
  assert.equal(reader.bit(), 0);
  assert.equal(reader.flag(), true);
  assert.equal(reader.position, 10);
  assert.equal(reader.bitsLeft, 6);
});

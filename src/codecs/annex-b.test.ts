import assert from "node:assert/strict";
import { test } from "node:test";
import { isStartCode, joinAnnexB, nextStartCode, splitAnnexB } from "./annex-b.ts";
import { removeEmulationPrevention } from "./emulation-prevention.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

test("three and four byte start codes, trailing zeros, a missing first start code", () => {
  const expected = ["67aa", "68", "6500000301"];
  const texts = (bytes: Buffer) => splitAnnexB(bytes).map((nalUnit) => nalUnit.toString("hex"));
  assert.deepEqual(texts(hex("00000001 67aa 000001 68 000000 00000001 6500000301 0000")), expected);
  assert.deepEqual(texts(hex("67aa 000001 68 000001 6500000301")), expected);
  assert.deepEqual(texts(joinAnnexB(expected.map(hex))), expected);
  assert.deepEqual(texts(Buffer.alloc(0)), []);
  assert.deepEqual(texts(Buffer.alloc(9)), []);
});

test("the split list is bounded", () => {
  assert.equal(splitAnnexB(Buffer.concat(Array(50).fill(hex("000001 65"))), 7).length, 7);
});

test("start codes are found where they stand and nowhere else", () => {
  assert.equal(isStartCode(hex("000001"), 0, 3), true);
  assert.equal(isStartCode(hex("00000001"), 0, 4), true);
  assert.equal(isStartCode(hex("00000001"), 0, 3), false);
  assert.equal(isStartCode(hex("000002"), 0, 3), false);
  assert.equal(nextStartCode(hex("ff0000ff0000000165"), 0, 9), 5);
  assert.equal(nextStartCode(hex("ff0000ff00000065"), 0, 8), 8);
});

test("emulation prevention bytes are removed, and only those", () => {
  assert.equal(removeEmulationPrevention(hex("67 000003 00 000003 03 01")).toString("hex"), "6700000000000301");
  assert.equal(removeEmulationPrevention(hex("67 000003 000003 01")).toString("hex"), "670000000001");
  const clean = hex("67 0003 000003"); // the last 03 stands after two zeros
  assert.equal(removeEmulationPrevention(clean).toString("hex"), "6700030000");
  const untouched = hex("67 0003 0004");
  assert.equal(removeEmulationPrevention(untouched).buffer, untouched.buffer);
  assert.equal(removeEmulationPrevention(hex("67 000003 01"), 3).toString("hex"), "670000");
});

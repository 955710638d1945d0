import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readObuFile } from "#testing/elementary-streams.ts";
import { leb128Bytes, leb128Size, leb128Value, writeLeb128 } from "./leb128.ts";
import { isAv1Keyframe, joinObus, ObuType, obuType, splitObus, withoutObuSize } from "./obu.ts";

const clip = (name: string) => new URL(`../testdata/${name}.obu`, import.meta.url);

test("LEB128 numbers come back, in the bytes the specification gives them", () => {
  for (const [value, hex] of [
    [0, "00"],
    [127, "7f"],
    [128, "8001"],
    [624_485, "e58e26"],
    [2 ** 32 - 1, "ffffffff0f"],
  ] as const) {
    const bytes = Buffer.alloc(8);
    const end = writeLeb128(bytes, 0, value);
    assert.equal(bytes.toString("hex", 0, end), hex);
    assert.equal(leb128Size(value), end);
    assert.equal(leb128Bytes(bytes, 0, end), end);
    assert.equal(leb128Value(bytes, 0, end), value);
    assert.equal(leb128Bytes(bytes, 0, end - 1), 0, "cut short");
  }
  assert.equal(leb128Bytes(Buffer.alloc(9, 0x80), 0, 9), 0, "longer than any");
});

test("a byte stream is taken apart and put together again", () => {
  const units = readObuFile(clip("av1-main"));
  assert.deepEqual(
    units.map((unit) => unit.map((obu) => obuType(obu[0]!))),
    // The second of four has a hidden frame for later ones.
    units.map((_, i) => [[ObuType.sequenceHeader, ObuType.frame], [ObuType.frame, ObuType.frame], [ObuType.frame], [ObuType.frame]][i % 4]),
  );
  const delimiter = Buffer.from("1200", "hex");
  assert.deepEqual(Buffer.concat(units.flatMap((unit) => [delimiter, joinObus(unit)])), readFileSync(clip("av1-main")));
  for (const unit of units) for (const obu of unit) assert.equal(withoutObuSize(obu), obu);
});

test("extension headers stay, and a stream that is cut short is none", () => {
  const obu = Buffer.from("36e80aabbc", "hex"); // a frame of temporal layer 7 with a size of 10
  assert.equal(withoutObuSize(obu), undefined);
  const whole = Buffer.from("36e802aabb", "hex");
  assert.deepEqual(withoutObuSize(whole), Buffer.from("34e8aabb", "hex"));
  assert.deepEqual(joinObus([Buffer.from("34e8aabb", "hex"), Buffer.alloc(0)]), whole);
  assert.deepEqual(splitObus(Buffer.concat([whole, Buffer.from("1200", "hex")])), [Buffer.from("34e8aabb", "hex")]);
  assert.equal(splitObus(whole.subarray(0, 4)), undefined);
  assert.equal(splitObus(Buffer.alloc(2000, Buffer.from("3200", "hex"))), undefined, "too many");
});

test("keyframes are key frames that are shown", () => {
  const units = readObuFile(clip("av1-main"));
  assert.deepEqual(units.map(isAv1Keyframe), [true, false, false, false, true, false, false, false, true]);
  for (const name of ["av1-svt", "av1-rav1e", "av1-high-10bit"]) assert.equal(isAv1Keyframe(readObuFile(clip(name))[0]!), true);
  assert.equal(isAv1Keyframe([Buffer.from([ObuType.frame << 3, 0x00])]), false, "hidden");
  assert.equal(isAv1Keyframe([Buffer.from([ObuType.frame << 3, 0x90])]), false, "shown again");
  assert.equal(isAv1Keyframe([Buffer.from([ObuType.frameHeader << 3, 0x10])]), true);
  assert.equal(isAv1Keyframe([Buffer.from([ObuType.frame << 3])]), false);
  assert.equal(isAv1Keyframe([]), false);
});

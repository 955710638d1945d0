import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseShare, parseSize, writeShare, writeSize } from "./size.ts";

describe("sizes", () => {
  const canonical: readonly (readonly [string, number, string])[] = [
    ["50M", 52_428_800, "50M"],
    ["50MB", 52_428_800, "50M"],
    ["50MiB", 52_428_800, "50M"],
    ["1.5G", 1_610_612_736, "1.5G"],
    ["1.25G", 1_342_177_280, "1280M"],
    ["512k", 524_288, "512K"],
    ["100", 100, "100B"],
    ["100B", 100, "100B"],
    ["0", 0, "0B"],
    ["1234567", 1_234_567, "1234567B"],
  ];
  for (const [text, bytes, written] of canonical) {
    it(`reads ${text} as ${bytes} bytes and writes ${written}`, () => {
      assert.equal(parseSize(text), bytes);
      assert.equal(writeSize(bytes), written);
      assert.equal(parseSize(written), bytes);
    });
  }

  for (const text of ["", "M", "-1M", "1 X", "1e9", "50Mb/s", "999999999999P"]) {
    it(`refuses "${text}"`, () => assert.equal(parseSize(text), undefined));
  }

  it("reads shares of a file system", () => {
    assert.deepEqual(parseShare("5%"), { percent: 5 });
    assert.deepEqual(parseShare("12.5 %"), { percent: 12.5 });
    assert.deepEqual(parseShare("2G"), { bytes: 2_147_483_648 });
    assert.equal(parseShare("101%"), undefined);
    assert.equal(parseShare("%"), undefined);
    assert.equal(writeShare({ percent: 12.5 }), "12.5%");
    assert.equal(writeShare({ bytes: 1024 }), "1K");
  });
});

// Range headers against files of known size.
import assert from "node:assert/strict";
import { test } from "node:test";
import { requestedRange } from "./byte-range.ts";

test("one range, from the start, to the end, of the end", () => {
  assert.deepEqual(requestedRange("bytes=0-", 1000), { start: 0, end: 1000 });
  assert.deepEqual(requestedRange("bytes=0-0", 1000), { start: 0, end: 1 });
  assert.deepEqual(requestedRange("bytes=10-19", 1000), { start: 10, end: 20 });
  assert.deepEqual(requestedRange("Bytes = 10 - 5000", 1000), { start: 10, end: 1000 });
  assert.deepEqual(requestedRange("bytes=999-", 1000), { start: 999, end: 1000 });
  assert.deepEqual(requestedRange("bytes=-1", 1000), { start: 999, end: 1000 });
  assert.deepEqual(requestedRange("bytes=-5000", 1000), { start: 0, end: 1000 });
  assert.deepEqual(requestedRange("bytes=5000000000-5000000001", 2 ** 40), { start: 5_000_000_000, end: 5_000_000_002 });
});

test("beyond the file", () => {
  assert.equal(requestedRange("bytes=1000-", 1000), "unsatisfiable");
  assert.equal(requestedRange("bytes=1000-1001", 1000), "unsatisfiable");
  assert.equal(requestedRange("bytes=-0", 1000), "unsatisfiable");
  for (const range of ["bytes=0-", "bytes=0-5", "bytes=-5"]) assert.equal(requestedRange(range, 0), "unsatisfiable", range);
});

test("what may be answered with the whole file", () => {
  for (const range of [
    undefined,
    "",
    "bytes=",
    "bytes=-",
    "bytes=1-2,4-5",
    "lines=1-2",
    "bytes=5-4",
    "bytes=a-b",
    "bytes=1-2-3",
    `bytes=${"9".repeat(30)}-`,
  ]) {
    assert.equal(requestedRange(range, 1000), "all", range);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { RtpGaps } from "./rtp-gaps.ts";

function lostOf(sequences: readonly number[]): number {
  const gaps = new RtpGaps();
  for (const sequence of sequences) gaps.push(Buffer.from([0x80, 96, sequence >> 8, sequence & 0xff]));
  return gaps.lost;
}

test("gaps between sequence numbers are counted, over the wrap too", () => {
  assert.equal(lostOf([5, 6, 7]), 0);
  assert.equal(lostOf([5, 9, 10]), 3);
  assert.equal(lostOf([0xfffe, 0xffff, 0, 2]), 1);
});

test("a packet out of order is not lost", () => {
  assert.equal(lostOf([1, 3, 2, 4]), 0);
});

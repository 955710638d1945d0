import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom } from "#testing/mutate.ts";
import { nearestIndex, ReplayWindow } from "./packet-index.ts";

test("the index is the one nearest to the highest (RFC 3711 appendix A)", () => {
  const cases: [highest: number, sequence: number, index: number][] = [
    [-1, 40_000, 40_000],
    [10, 11, 11],
    [10, 9, 9],
    [0xffff, 0, 0x10000],
    [0x10000, 0xffff, 0xffff],
    [0x1fffe, 3, 0x20003],
    [0x28000, 0, 0x20000],
    [0x27fff, 0xffff, 0x2ffff - 0x10000],
    [3, 0xfff0, -16], // before the first
    [2 ** 48 - 2, 0xffff, 2 ** 48 - 1],
    [2 ** 48 - 1, 0, -1], // the last index was used
  ];
  for (const [highest, sequence, index] of cases) assert.equal(nearestIndex(highest, sequence), index, `${highest} ${sequence}`);
});

test("the window knows what came, late or not, and what is too old to know", () => {
  const window = new ReplayWindow();
  assert.ok(window.isFresh(5));
  window.add(5);
  assert.ok(!window.isFresh(5));
  window.add(8);
  assert.ok(window.isFresh(6) && window.isFresh(7) && window.isFresh(4));
  window.add(6);
  assert.ok(!window.isFresh(6) && window.isFresh(7));
  window.add(1029);
  assert.ok(window.isFresh(7) && !window.isFresh(6) && !window.isFresh(5), "5 is 1024 behind");
  window.add(10 ** 9);
  assert.ok(window.isFresh(10 ** 9 - 1023) && !window.isFresh(10 ** 9 - 1024) && !window.isFresh(10 ** 9));
  assert.ok(!window.isFresh(-1));
});

test("the window is right about any order", () => {
  const random = fuzzRandom(1);
  const window = new ReplayWindow();
  const came = new Set<number>();
  let newest = 0;
  for (let i = 0; i < 20_000; i++) {
    const index = Math.max(0, newest + random(40) - 30 - (random(50) === 0 ? random(2000) : 0) + (random(200) === 0 ? random(3000) : 0));
    const expected = !came.has(index) && index > window.highest - 1024;
    assert.equal(window.isFresh(index), expected, `${index} after ${window.highest}`);
    if (!expected) continue;
    window.add(index);
    came.add(index);
    newest = Math.max(newest, index);
  }
});

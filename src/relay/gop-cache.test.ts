import assert from "node:assert/strict";
import { test } from "node:test";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { GopCache, GopCacheBudget } from "./gop-cache.ts";
import type { Unit } from "./unit.ts";

const track = syntheticTrack();

function unit(keyframe: boolean, sizeBytes = 100, damaged = false): Unit {
  return { track, ptsTicks: 0, captureUs: 0, keyframe, damaged, frame: [Buffer.alloc(sizeBytes)] };
}

test("holds one GOP, from a whole keyframe on", () => {
  const cache = new GopCache(new GopCacheBudget());
  cache.push(unit(false));
  assert.equal(cache.units.length, 0);
  cache.push(unit(true));
  cache.push(unit(false));
  cache.push(unit(false, 100, true));
  assert.equal(cache.units.length, 3);
  assert.equal(cache.bytes, 300);
  cache.push(unit(true));
  assert.equal(cache.units.length, 1);
  cache.push(unit(true, 100, true));
  assert.equal(cache.units.length, 0, "a damaged keyframe is no start");
  cache.push(unit(false));
  assert.equal(cache.units.length, 0);
});

test("what a reader was given does not change when the next GOP begins", () => {
  const cache = new GopCache(new GopCacheBudget());
  cache.push(unit(true));
  cache.push(unit(false));
  const given = cache.units;
  cache.push(unit(true));
  assert.equal(given.length, 2);
});

test("8 MiB a path: a longer GOP is given up until the next keyframe", () => {
  const budget = new GopCacheBudget();
  const cache = new GopCache(budget);
  cache.push(unit(true, 8 << 20));
  assert.equal(cache.bytes, 8 << 20);
  cache.push(unit(false, 1));
  assert.deepEqual([cache.units.length, cache.bytes, budget.usedBytes], [0, 0, 0]);
  cache.push(unit(false));
  assert.equal(cache.units.length, 0);
  cache.push(unit(true));
  assert.equal(cache.units.length, 1);
});

test("64 MiB in all: the cache that would pass it gives up, the others keep theirs", () => {
  const budget = new GopCacheBudget();
  assert.equal(budget.maxBytes, 64 << 20);
  const caches = Array.from({ length: 9 }, () => new GopCache(budget));
  for (const cache of caches) cache.push(unit(true, 8 << 20));
  assert.deepEqual(
    caches.map((cache) => cache.units.length),
    [1, 1, 1, 1, 1, 1, 1, 1, 0],
  );
  assert.equal(budget.usedBytes, 64 << 20);
  caches[0]!.clear();
  caches[8]!.push(unit(true, 8 << 20));
  assert.equal(caches[8]!.units.length, 1);
});

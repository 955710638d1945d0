import assert from "node:assert/strict";
import { test } from "node:test";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { GopCache, GopMemory } from "./gop-cache.ts";
import type { Unit } from "./unit.ts";

const track = syntheticTrack();

function unit(keyframe: boolean, sizeBytes = 100, damaged = false): Unit {
  return { track, ptsTicks: 0, captureUs: 0, keyframe, damaged, frame: [Buffer.alloc(sizeBytes)] };
}

test("holds one GOP, from a whole keyframe on", () => {
  const cache = new GopCache(new GopMemory());
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
  const cache = new GopCache(new GopMemory());
  cache.push(unit(true));
  cache.push(unit(false));
  const given = cache.units;
  cache.push(unit(true));
  assert.equal(given.length, 2);
});

test("8 MiB a path: a longer GOP is given up until the next keyframe", () => {
  const memory = new GopMemory();
  const cache = new GopCache(memory);
  cache.push(unit(true, 8 << 20));
  assert.equal(cache.bytes, 8 << 20);
  cache.push(unit(false, 1));
  assert.deepEqual([cache.units.length, cache.bytes, memory.usedBytes], [0, 0, 0]);
  cache.push(unit(false));
  assert.equal(cache.units.length, 0);
  cache.push(unit(true));
  assert.equal(cache.units.length, 1);
});

test("64 MiB in all: the cache that would pass it gives up, the others keep theirs", () => {
  const memory = new GopMemory();
  assert.equal(memory.maxBytes, 64 << 20);
  const caches = Array.from({ length: 9 }, () => new GopCache(memory));
  for (const cache of caches) cache.push(unit(true, 8 << 20));
  assert.deepEqual(
    caches.map((cache) => cache.units.length),
    [1, 1, 1, 1, 1, 1, 1, 1, 0],
  );
  assert.equal(memory.usedBytes, 64 << 20);
  caches[0]!.clear();
  caches[8]!.push(unit(true, 8 << 20));
  assert.equal(caches[8]!.units.length, 1);
});

function packetUnit(keyframe: boolean, sizeBytes: number, fill: number): Unit {
  const packets = { bytes: Buffer.alloc(sizeBytes, fill), offsets: Int32Array.of(0, sizeBytes), count: 1 };
  return { track, ptsTicks: 0, captureUs: 0, keyframe, damaged: false, packets, frame: [packets.bytes.subarray(16)] };
}

const filledWith = (units: readonly Unit[]) => units.map(({ packets }) => [...new Set(packets!.bytes)]);

test("packets are copied into blocks that the next GOPs take, whatever the slabs' owners do", () => {
  const memory = new GopMemory();
  const cache = new GopCache(memory);
  const fill = (first: number, sizes: readonly number[]) => {
    for (const [i, size] of sizes.entries()) {
      const unit = packetUnit(i === 0, size, first + i);
      cache.push(unit);
      unit.packets!.bytes.fill(0);
    }
  };
  fill(1, [100_000, 30_000, 40_000]);
  assert.deepEqual(filledWith(cache.units), [[1], [2], [3]]);
  assert.ok(cache.units.every((unit) => unit.frame === undefined));
  const heldBytes = memory.usedBytes;
  assert.ok(heldBytes >= 170_000 && heldBytes < 170_000 + 2 * 65_536, `${heldBytes}`);
  for (let gop = 1; gop < 5; gop++) {
    fill(10 * gop, [100_000, 30_000, 40_000]);
    assert.deepEqual(filledWith(cache.units), [[10 * gop], [10 * gop + 1], [10 * gop + 2]]);
    assert.ok(memory.usedBytes <= heldBytes);
  }
  cache.clear();
  assert.deepEqual([memory.usedBytes, memory.freeBytes], [0, heldBytes]);
  cache.push(packetUnit(true, 3 << 20, 0));
  cache.clear();
  assert.equal(memory.usedBytes, 0);
  assert.ok(memory.freeBytes <= 1 << 20, "no more than 1 MiB lies free");
});

test("free blocks serve every path, and make room when there is none", () => {
  const memory = new GopMemory(4 * 65_536);
  const caches = Array.from({ length: 4 }, () => new GopCache(memory));
  for (const [i, cache] of caches.entries()) cache.push(packetUnit(true, 65_536, i));
  caches[0]!.clear();
  caches[1]!.push(packetUnit(false, 40_000, 7));
  assert.deepEqual(filledWith(caches[1]!.units), [[1], [7]]);
  assert.equal(memory.usedBytes, 4 * 65_536);
  caches[1]!.clear();
  caches[0]!.push(packetUnit(true, 100_000, 8));
  assert.equal(caches[0]!.units.length, 1, "two free ones gave way to a larger one");
  caches[1]!.push(packetUnit(true, 1, 9));
  assert.equal(caches[1]!.units.length, 0);
});

test("what was lent is not written over", () => {
  const cache = new GopCache(new GopMemory());
  cache.push(packetUnit(true, 1000, 1));
  cache.push(packetUnit(false, 1000, 2));
  const given = cache.units;
  cache.lend();
  for (let i = 0; i < 4; i++) cache.push(packetUnit(i % 2 === 0, 1000, 9));
  assert.deepEqual(filledWith(given), [[1], [2]]);
});

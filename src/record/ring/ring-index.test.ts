import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "#testing/mutate.ts";
import { spansOfCamera } from "./camera-spans.ts";
import type { IndexRecord } from "./index-record.ts";
import { dropRecord, RingIndex } from "./ring-index.ts";

function closed(chunk: number, gen: number, startS: number, more: Partial<IndexRecord> = {}): IndexRecord {
  return {
    ...dropRecord(chunk, gen),
    type: "close",
    cameraId: 1,
    bootCounter: 1,
    run: 1,
    monoUs: startS * 1e6,
    durationMs: 32_000,
    sizeBytes: 16e6,
    fragments: 32,
    ...more,
  };
}

const spans = (index: RingIndex, camera = 1) =>
  [...spansOfCamera(index, camera)].map(({ startUs, endUs, gapBefore }) => [startUs / 1e6, endUs / 1e6, gapBefore]);

test("neighbours are one span; gaps, boots, runs and missing chunks divide", () => {
  const index = new RingIndex(16);
  index.apply(closed(0, 1, 0));
  index.apply(closed(5, 2, 32));
  index.apply(closed(2, 3, 64.4));
  assert.deepEqual(spans(index), [[0, 96.4, undefined]]);
  index.addGap(5, { monoUs: 40e6, durationMs: 5000, cause: "source" });
  index.addGap(5, { monoUs: 50e6, durationMs: 0, cause: "backpressure" });
  index.apply(closed(3, 4, 200, { recovered: true }));
  index.apply(closed(4, 5, 10, { bootCounter: 2 }));
  index.apply(closed(6, 6, 42, { bootCounter: 2, run: 6 }));
  index.apply(closed(7, 7, 74, { bootCounter: 2, run: 6, gapCause: "tracks" }));
  assert.deepEqual(spans(index), [
    [0, 40, undefined],
    [45, 50, "source"],
    [50, 96.4, "backpressure"],
    [200, 232, "off"],
    [10, 42, "power"],
    [42, 74, "tracks"],
    [74, 106, "tracks"],
  ]);
  index.apply(dropRecord(5, 2));
  assert.deepEqual(spans(index).slice(0, 2), [
    [0, 32, undefined],
    [64.4, 96.4, "off"],
  ]);
  assert.equal(index.stateOf(5), "free");
  assert.deepEqual(index.gapsOf(5), []);
});

test("records that make the index again make the same, however often they are applied", () => {
  const random = seededRandom(5);
  const index = new RingIndex(200);
  for (let gen = 1; gen <= 900; gen++) {
    const chunk = random(200);
    const cameraId = 1 + random(4);
    index.apply(closed(chunk, gen, gen * 32, { cameraId, type: "alloc", durationMs: 0, sizeBytes: 0, fragments: 0 }));
    if (random(50) === 0) continue;
    if (random(3) === 0) index.addGap(chunk, { monoUs: (gen * 32 + 4) * 1e6, durationMs: 700, cause: "source" });
    index.apply(closed(chunk, gen, gen * 32, { cameraId, bad: random(20) === 0 }));
    if (random(10) === 0) index.apply(dropRecord(chunk, gen, random(2) === 0));
  }
  const records = index.records(() => 0);
  const copy = new RingIndex(200);
  for (const record of [...records, ...records]) assert.ok(copy.apply(record));
  assert.deepEqual(
    copy.records(() => 0),
    records,
  );
  for (const camera of [1, 2, 3, 4]) assert.deepEqual(spans(copy, camera), spans(index, camera));
  assert.equal(copy.maxGen, index.maxGen);
  for (const id of index.cameraIds()) {
    const { order, durationMs, sizeBytes } = index.camera(id)!;
    const chunks = Array.from({ length: order.length }, (_, place) => index.facts(order.at(place))!);
    assert.equal(
      durationMs,
      chunks.reduce((sum, facts) => sum + facts.durationMs, 0),
    );
    assert.equal(
      sizeBytes,
      chunks.reduce((sum, facts) => sum + facts.sizeBytes, 0),
    );
    assert.deepEqual(
      chunks.map(({ gen }) => gen),
      chunks.map(({ gen }) => gen).sort((a, b) => a - b),
    );
  }
});

test("a record of an earlier use of a chunk, or of no chunk, changes nothing", () => {
  const index = new RingIndex(4);
  index.apply(closed(1, 7, 100));
  assert.equal(index.apply(closed(1, 6, 0)), true);
  assert.equal(index.apply(dropRecord(1, 6)), true);
  assert.equal(index.apply(closed(4, 8, 0)), false);
  assert.deepEqual(spans(index), [[100, 132, undefined]]);
});

test("131,072 chunks take less than 40 MB, with cameras that lose their connection all the time", () => {
  const chunks = 131_072;
  const index = new RingIndex(chunks);
  for (let lap = 0; lap < 2; lap++) {
    for (let chunk = 0; chunk < chunks; chunk++) {
      const gen = lap * chunks + chunk + 1;
      index.apply(closed(chunk, gen, gen * 32, { cameraId: 1 + (chunk % 8), bootCounter: 1 + lap }));
      for (let i = 1; i < 4; i++) index.addGap(chunk, { monoUs: (gen * 32 + i) * 1e6, durationMs: 400, cause: "source" });
    }
  }
  assert.ok(index.heldBytes < 40e6, String(index.heldBytes));
  assert.equal(
    [1, 2, 3, 4, 5, 6, 7, 8].reduce((sum, id) => sum + index.camera(id)!.order.length, 0),
    chunks,
  );
});

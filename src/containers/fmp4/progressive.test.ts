// The plan of a plain MP4 file: every byte has its place. That players agree is the peers' test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TRACKS } from "#testing/mp4/tracks.ts";
import { type Box, childBoxes, findBox, parseBoxHeader } from "./box-reader.ts";
import { chunkAt, type Mp4Plan, planMp4 } from "./progressive.ts";
import type { Mp4Sample } from "./sample-tables.ts";
import { storeTracks } from "./stored-track.ts";

const { h264, aac } = TRACKS;
const tracks = storeTracks([h264, { kind: "data", clockRateHz: 90_000, parameters: { codec: "klv" } }, aac]);

function samplesOf(count: number, ticks: number, more: Partial<Mp4Sample> = {}): Mp4Sample[] {
  return Array.from({ length: count }, (_, i) => {
    return { dtsTicks: i * ticks, ptsOffsetTicks: 0, durationTicks: ticks, keyframe: i % 25 === 0, sizeBytes: 100 + (i % 7), ...more };
  });
}

/** A box of the n-th track. */
function tableOf({ head }: Mp4Plan, track: number, ...path: string[]): Buffer | undefined {
  const ftyp = parseBoxHeader(head, 0, head.length)!;
  const moov = parseBoxHeader(head, ftyp.end, head.length)!;
  const trak: Box = childBoxes(head, moov.body, moov.end).filter(({ type }) => type === "trak")[track]!;
  const box = findBox(head, trak, ...path);
  return box && head.subarray(box.body, box.end);
}

const stbl = (plan: Mp4Plan, track: number, table: string) => tableOf(plan, track, "mdia", "minf", "stbl", table);
const words = (bytes: Buffer | undefined) => Array.from({ length: (bytes?.length ?? 0) / 4 }, (_, i) => bytes!.readUInt32BE(i * 4));

test("chunks fill the file behind the head, in turn and without a hole", () => {
  const samples = [samplesOf(50, 3600), [], samplesOf(94, 1024, { keyframe: true })];
  const plan = planMp4(tracks, samples)!;
  let offset = plan.head.length;
  const next = [0, 0, 0];
  for (const { trackIndex, firstSample, sampleCount, sizeBytes, offset: at } of plan.chunks) {
    assert.equal(at, offset);
    assert.equal(firstSample, next[trackIndex]);
    const own = samples[trackIndex]!.slice(firstSample, firstSample + sampleCount);
    assert.equal(
      own.reduce((sum, sample) => sum + sample.sizeBytes, 0),
      sizeBytes,
    );
    next[trackIndex] = firstSample + sampleCount;
    offset += sizeBytes;
  }
  assert.deepEqual(next, [50, 0, 94]);
  assert.equal(offset, plan.sizeBytes);
  assert.equal(plan.head.toString("latin1", plan.head.length - 4), "mdat");
  assert.equal(plan.head.readUInt32BE(plan.head.length - 8), plan.sizeBytes - plan.head.length + 8);
  // Half a second of each in turn.
  assert.deepEqual(plan.chunks.map(({ trackIndex, sampleCount }) => [trackIndex, sampleCount]).slice(0, 4), [
    [0, 13],
    [2, 24],
    [2, 24],
    [0, 13],
  ]);
  assert.deepEqual(words(stbl(plan, 0, "stss")).slice(1), [2, 1, 26]);
  assert.equal(stbl(plan, 1, "stss"), undefined);
  assert.deepEqual(words(stbl(plan, 1, "stts")).slice(1), [1, 94, 1024]);
  assert.equal(stbl(plan, 0, "ctts"), undefined);
  assert.deepEqual(
    words(stbl(plan, 0, "stco")).slice(2),
    plan.chunks.filter(({ trackIndex }) => trackIndex === 0).map((chunk) => chunk.offset),
  );
});

test("the chunk of every byte is found", () => {
  const plan = planMp4(tracks, [samplesOf(50, 3600), [], samplesOf(94, 1024)])!;
  assert.equal(chunkAt(plan, 0), -1);
  assert.equal(chunkAt(plan, plan.head.length - 1), -1);
  assert.equal(chunkAt(plan, plan.sizeBytes), -1);
  for (const [i, { offset, sizeBytes }] of plan.chunks.entries()) {
    assert.equal(chunkAt(plan, offset), i);
    assert.equal(chunkAt(plan, offset + sizeBytes - 1), i);
  }
});

test("more than 4 GiB: offsets and sizes of 64 bits", () => {
  const plan = planMp4(tracks, [samplesOf(50, 3600, { sizeBytes: 2 ** 30 }), [], []])!;
  assert.equal(plan.sizeBytes, plan.head.length + 50 * 2 ** 30);
  assert.equal(stbl(plan, 0, "stco"), undefined);
  const co64 = stbl(plan, 0, "co64")!;
  const last = plan.chunks.at(-1)!;
  assert.equal(Number(co64.readBigUInt64BE(co64.length - 8)), last.offset);
  assert.ok(last.offset > 2 ** 32);
  assert.equal(plan.head.readUInt32BE(plan.head.length - 16), 1);
  assert.equal(Number(plan.head.readBigUInt64BE(plan.head.length - 8)), 50 * 2 ** 30 + 16);
});

test("edits: what is before the start is not shown, a late track waits", () => {
  const late = samplesOf(94, 1024).map((sample) => ({ ...sample, dtsTicks: sample.dtsTicks + 48_000 }));
  const shifted = samplesOf(50, 3600).map((sample) => ({ ...sample, dtsTicks: sample.dtsTicks + 900_000 }));
  const plan = planMp4(tracks, [shifted, [], late], { originTicks: [900_000 + 9000, 0, 24_000] })!;
  // Version and flags, count, then duration in 90 kHz, media time, rate.
  assert.deepEqual(words(tableOf(plan, 0, "edts", "elst")).slice(1), [1, 50 * 3600 - 9000, 9000, 0x1_0000]);
  const delay = 45_000;
  const length = (94 * 1024 * 90_000) / 48_000;
  assert.deepEqual(words(tableOf(plan, 1, "edts", "elst")).slice(1), [2, delay, 0xffff_ffff, 0x1_0000, length, 0, 0x1_0000]);
});

test("without an origin the earliest picture or sound is shown first", () => {
  const delayed = samplesOf(50, 3600, { ptsOffsetTicks: 7200 });
  const plan = planMp4(tracks, [delayed, [], samplesOf(94, 1024)])!;
  assert.equal(tableOf(plan, 1, "edts", "elst"), undefined);
  assert.equal(tableOf(plan, 0, "edts", "elst"), undefined); // sound begins at 0, the picture 80 ms later
  const alone = planMp4(tracks, [delayed, [], []])!;
  assert.deepEqual(words(tableOf(alone, 0, "edts", "elst")).slice(1), [1, 50 * 3600, 7200, 0x1_0000]);
  assert.deepEqual(words(stbl(alone, 0, "ctts")), [0x0100_0000, 1, 50, 7200]);
});

test("nothing to store", () => {
  assert.equal(planMp4(tracks, []), undefined);
  assert.equal(planMp4(tracks, [[], samplesOf(3, 1), []]), undefined);
});

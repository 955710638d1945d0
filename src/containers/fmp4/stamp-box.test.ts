import assert from "node:assert/strict";
import { test } from "node:test";
import { TRACKS } from "#testing/mp4/tracks.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { writeInit } from "./init.ts";
import { writeNtp } from "./mtxi.ts";
import { parseInit } from "./parse-init.ts";
import { MAX_DRIFT_POINTS, writeDrift } from "./stamp-box.ts";
import { storeTracks } from "./stored-track.ts";

const STAMP = { bootId: "0f6d8c5e-1a2b-4c3d-9e8f-00112233aabb", monoUs: 5_000_000_000_123, isCameraTime: false };
const MTXI = { streamId: Buffer.alloc(16, 7), segmentNumber: 3, startDtsUs: 0, startNtpUs: 61_000_000 };

function headOf(stamp = STAMP) {
  return writeInit(storeTracks([TRACKS.h264]), { mtxi: MTXI, stamp })!;
}

test("the stamp comes back, and the time that MediaMTX reads is found to be corrected", () => {
  for (const isCameraTime of [false, true]) {
    const { bytes, driftOffset } = headOf({ ...STAMP, isCameraTime });
    const init = parseInit(bytes)!;
    assert.deepEqual(init.stamp, { stamp: { ...STAMP, isCameraTime }, drift: [], driftOffset });
    writeNtp(1_795_378_909_782_077).copy(bytes, init.ntpOffset);
    assert.deepEqual(parseInit(bytes)?.mtxi, { ...MTXI, startNtpUs: 1_795_378_909_782_077 });
  }
  assert.deepEqual(
    [parseInit(writeInit(storeTracks([TRACKS.h264]))!.bytes)!].map(({ stamp, ntpOffset }) => [stamp, ntpOffset]),
    [[undefined, undefined]],
  );
});

test("drift is written in place, on a multiple of its size, wherever the box stands", () => {
  const points = Array.from({ length: MAX_DRIFT_POINTS + 1 }, (_, i) => ({
    atMs: 100 * (i + 1),
    driftUs: (i % 2 === 0 ? -20_000 : 20_000) * (i + 1),
  }));
  for (const tracks of [[TRACKS.h264], [TRACKS.h265], Object.values(TRACKS)]) {
    const { bytes, driftOffset } = writeInit(storeTracks(tracks), { mtxi: MTXI, stamp: STAMP })!;
    assert.equal(driftOffset! % 8, 0);
    writeDrift(points.slice(0, 3)).copy(bytes, driftOffset);
    assert.deepEqual(parseInit(bytes)!.stamp!.drift, points.slice(0, 3));
    const fromStart = [{ atMs: 0, driftUs: -142_000 }, ...points.slice(0, 2)];
    writeDrift(fromStart).copy(bytes, driftOffset);
    assert.deepEqual(parseInit(bytes)!.stamp!.drift, fromStart);
    writeDrift(points).copy(bytes, driftOffset);
    assert.deepEqual(parseInit(bytes)!.stamp!.drift, points.slice(0, MAX_DRIFT_POINTS));
  }
});

test("a table that was torn gives the points that are true", () => {
  const { bytes, driftOffset } = headOf();
  const older = Array.from({ length: 8 }, (_, i) => ({ atMs: 1000 * (i + 1), driftUs: 20_000 * (i + 1) }));
  const thinned = older.filter((_, i) => i % 2 === 0);
  for (let cut = 0; cut <= 8; cut++) {
    writeDrift(older).copy(bytes, driftOffset);
    writeDrift(thinned).copy(bytes, driftOffset!, 0, cut * 8);
    const { drift } = parseInit(bytes)!.stamp!;
    assert.ok(drift.every((point) => older.some(({ atMs, driftUs }) => atMs === point.atMs && driftUs === point.driftUs)));
    assert.ok(drift.every(({ atMs }, i) => i === 0 || atMs > drift[i - 1]!.atMs));
  }
});

test("a damaged stamp is none; a damaged table never leads out of the box", () => {
  const random = fuzzRandom(23);
  const { bytes } = headOf();
  let read = 0;
  const rounds = fuzzRounds(4000);
  for (let round = rounds; round > 0; round--) {
    const init = parseInit(mutate(bytes, random));
    if (init?.stamp === undefined) continue;
    read++;
    const { stamp, drift, driftOffset } = init.stamp;
    assert.deepEqual(stamp, STAMP);
    assert.ok(driftOffset <= init.endOffset && drift.length <= MAX_DRIFT_POINTS);
  }
  assert.ok(read > rounds / 10, "some damage is harmless");
});

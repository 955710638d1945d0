import assert from "node:assert/strict";
import { test } from "node:test";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { TrackTally } from "./track-tally.ts";
import type { Unit } from "./unit.ts";

function unit(frame: number, change: Partial<Unit> = {}): Unit {
  return { track: syntheticTrack(), ptsTicks: frame * 3600, captureUs: frame * 40_000, keyframe: false, damaged: false, ...change };
}

test("counts, and measures the distance of keyframes", () => {
  const tally = new TrackTally();
  assert.deepEqual([tally.lastCaptureUs, tally.gopTicks], [undefined, undefined]);
  tally.note(unit(0, { keyframe: true }), 1000);
  assert.equal(tally.gopTicks, undefined);
  for (let frame = 1; frame < 25; frame++) tally.note(unit(frame, { damaged: frame === 3 }), 100);
  tally.note(unit(25, { keyframe: true, senderUtcUs: 7 }), 1000);
  assert.deepEqual(
    { ...tally },
    {
      units: 26,
      bytes: 4400,
      damaged: 1,
      keyframes: 2,
      parameterChanges: 0,
      gopTicks: 90_000,
      lastCaptureUs: 1_000_000,
      lastSenderUtcUs: 7,
    },
  );
});

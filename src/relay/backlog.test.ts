import assert from "node:assert/strict";
import { test } from "node:test";
import { SyntheticVideo, syntheticTrack } from "#testing/synthetic-track.ts";
import { packetUnit } from "#testing/unit-tap.ts";
import { makeBacklog } from "./backlog.ts";
import { TrackOutput } from "./track-output.ts";
import type { Unit } from "./unit.ts";

function unitsWithPts(pts: readonly number[], reorderFrames = 0): Unit[] {
  const track = { ...syntheticTrack(), reorderFrames };
  const camera = new SyntheticVideo();
  return pts.map((ptsTicks) => {
    const frame = camera.next();
    return { ...packetUnit(camera, track, 0, frame), frame: frame.frame, ptsTicks };
  });
}

const ptsOf = (units: readonly Unit[]): number[] => units.map((unit) => unit.ptsTicks);

test("without B-frames all frames stand one tick apart before the newest", () => {
  const backlog = makeBacklog(unitsWithPts([0, 3600, 7200, 10_800]), "packets", new TrackOutput(96));
  assert.deepEqual(ptsOf(backlog), [10_797, 10_798, 10_799, 10_800]);
});

test("equal times become different ones", () => {
  const backlog = makeBacklog(unitsWithPts([500, 500, 500]), "frame", new TrackOutput(96));
  assert.deepEqual(ptsOf(backlog), [498, 499, 500]);
});

test("with B-frames the display order stays, and what may still be overtaken keeps its time", () => {
  // Decode order I0 P3 B1 B2 P6 B4 B5: after P6, B4 and B5 with two reordered frames.
  const units = unitsWithPts([0, 10_800, 3600, 7200, 21_600, 14_400, 18_000], 2);
  const drawn = ptsOf(makeBacklog(units, "frame", new TrackOutput(96)));
  const order = (pts: readonly number[]): number[] => pts.map((_, i) => i).sort((a, b) => pts[a]! - pts[b]!);
  assert.deepEqual(order(drawn), order(ptsOf(units)));
  assert.deepEqual(drawn.slice(4), [21_600, 14_400, 18_000], "the three latest in display order are as they were");
  assert.deepEqual(drawn.slice(0, 4), [14_400 - 4, 14_400 - 1, 14_400 - 3, 14_400 - 2]);
  assert.equal(new Set(drawn).size, drawn.length);
});

test("a GOP shorter than the reordering keeps its times", () => {
  assert.deepEqual(ptsOf(makeBacklog(unitsWithPts([0, 7200, 3600], 4), "frame", new TrackOutput(96))), [0, 7200, 3600]);
});

test("units without the wanted face are left out", () => {
  const units = unitsWithPts([0, 3600, 7200]);
  const { packets, ...without } = units[1]!;
  assert.ok(packets !== undefined);
  const backlog = makeBacklog([units[0]!, without, units[2]!], "packets", new TrackOutput(96));
  assert.deepEqual(ptsOf(backlog), [7199, 7200]);
  assert.deepEqual(makeBacklog([], "packets", new TrackOutput(96)), []);
});

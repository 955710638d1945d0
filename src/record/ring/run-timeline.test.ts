import assert from "node:assert/strict";
import { test } from "node:test";
import { syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import type { Fragment } from "../store.ts";
import { formatWithOtherSets, runFormatOf } from "./run-format.ts";
import { RunTimeline } from "./run-timeline.ts";

const tracks = [syntheticAudioTrack(0), syntheticTrack({ index: 1 })];
const format = runFormatOf(tracks)!;

/** A second of video and audio from `seconds` of their recording on, captured at `captureUs`. */
function fragment(seconds: number, captureUs: number): Fragment {
  const sample = (dtsTicks: number, durationTicks: number) => ({
    dtsTicks,
    durationTicks,
    ptsOffsetTicks: 0,
    keyframe: true,
    frame: [Buffer.alloc(1)],
  });
  return {
    samples: [
      { trackIndex: 0, samples: [sample(seconds * 8000, 8000)] },
      { trackIndex: 1, samples: [sample(seconds * 90_000, 90_000)] },
    ],
    captureUs,
    durationUs: 1e6,
    keyframe: true,
    gapBefore: undefined,
    senderUtcUs: undefined,
    sizeBytes: 2,
  };
}

test("the first video track leads, and the epoch follows the camera's clock", () => {
  assert.equal(format.leadIndex, 1);
  const timeline = new RunTimeline(format, 5e6);
  assert.deepEqual(timeline.place(fragment(0, 5e6)), { originTicks: [0, 0], ticks: 0, epochUs: 5e6 });
  // After 1000 s the camera's clock is 50 ms slow: what it calls 1000 s was captured later.
  assert.deepEqual(timeline.place(fragment(1000, 1005.05e6)), { originTicks: [0, 0], ticks: 90_000_000, epochUs: 5.05e6 });
});

test("the next recording goes on at its distance by the monotonic clock, and never before the end of the last", () => {
  const timeline = new RunTimeline(format, 5e6);
  timeline.place(fragment(0, 5e6));
  timeline.restart(15e6, fragment(0, 15e6));
  assert.deepEqual(timeline.place(fragment(0, 15e6)), { originTicks: [-80_000, -900_000], ticks: 900_000, epochUs: 5e6 });
  timeline.restart(15.5e6, fragment(0, 15.5e6));
  const overlapping = timeline.place(fragment(0, 15.5e6));
  assert.equal(overlapping.ticks, 990_000);
  assert.deepEqual(overlapping.originTicks, [-88_000, -990_000]);
});

test("sets may change in-band, nothing else", () => {
  const inBand = runFormatOf(tracks, true)!;
  const [audio, video] = tracks as [(typeof tracks)[0], (typeof tracks)[0]];
  const otherSets = {
    ...video,
    parameters: {
      codec: "h264",
      sps: [Buffer.from("6742c01ed900a02ff97011000003000100000300320f162e48", "hex")],
      pps: [Buffer.from("68cb83cb20", "hex")],
    } as const,
  };
  const changed = formatWithOtherSets(inBand, [audio, otherSets]);
  assert.ok(changed?.init.equals(inBand.init));
  assert.notDeepEqual(changed?.stored[1]?.keyframeSets, inBand.stored[1]?.keyframeSets);
  assert.equal(formatWithOtherSets(format, [audio, otherSets]), undefined);
  assert.equal(formatWithOtherSets(inBand, [video]), undefined);
  assert.equal(formatWithOtherSets(inBand, [{ ...audio, clockRateHz: 16_000 }, otherSets]), undefined);
  assert.equal(runFormatOf([{ kind: "data", clockRateHz: 90_000, parameters: { codec: "klv" } }]), undefined);
});

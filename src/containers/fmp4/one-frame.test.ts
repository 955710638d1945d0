import assert from "node:assert/strict";
import { test } from "node:test";
import { readFragmentedFile, samplesOf } from "#testing/mp4/whole-file.ts";
import { SYNTHETIC_SETS, SyntheticVideo, syntheticTrack } from "#testing/synthetic-track.ts";
import { writeOneFrame } from "./one-frame.ts";

test("a file with one sample, which lasts a second; its parameter sets stand in its head", () => {
  const { frame } = new SyntheticVideo().next();
  const { init, fragments } = readFragmentedFile(writeOneFrame(syntheticTrack(), frame)!)!;
  assert.deepEqual(
    init.tracks.map(({ kind, parameters }) => [kind, parameters]),
    [["video", { codec: "h264", sps: [SYNTHETIC_SETS.sps], pps: [SYNTHETIC_SETS.pps] }]],
  );
  const [sample, ...others] = samplesOf(fragments, 0);
  assert.deepEqual(others, []);
  assert.deepEqual([sample?.durationTicks, sample?.keyframe], [90_000, true]);
  assert.deepEqual(sample?.frame, [frame.at(-1)]);
});

test("what MP4 cannot store makes no file", () => {
  assert.equal(writeOneFrame({ kind: "video", clockRateHz: 90_000, parameters: { codec: "vp8" } }, [Buffer.from("00", "hex")]), undefined);
  const unknown = { ...syntheticTrack(), parameters: { codec: "h264", sps: [], pps: [] } } as const;
  assert.equal(writeOneFrame(unknown, [SYNTHETIC_SETS.sps]), undefined);
});

// What of a frame is stored, what is left out and what is added.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TRACKS } from "#testing/mp4/tracks.ts";
import type { ContainerTrack, Sample } from "../sample.ts";
import { splitSample } from "./read-samples.ts";
import { oneFrameEach, storedParts, storedSizeBytes } from "./stored-sample.ts";
import { type ParameterSetPlace, type StoredTrack, storeTracks } from "./stored-track.ts";

const { h264, h265, aac, g711, av1 } = TRACKS;
assert.ok(h264.parameters.codec === "h264" && h265.parameters.codec === "h265" && av1.parameters.codec === "av1");
const [sps, pps] = [h264.parameters.sps[0]!, h264.parameters.pps[0]!];
const nal = (hex: string) => Buffer.from(hex, "hex");
const aud = nal("09f0");
const filler = nal("0cffff80");
const sei = nal("060501ff80");
const idr = nal("6588");
const slice = nal("419a");

function stored(track: ContainerTrack, place?: ParameterSetPlace): StoredTrack {
  return storeTracks([track], place)[0]!;
}

function sampleOf(frame: readonly Buffer[], keyframe: boolean): Sample {
  return { dtsTicks: 0, ptsOffsetTicks: 0, durationTicks: 3000, keyframe, frame };
}

/** The NAL units of a frame that a file holds. */
function kept(track: StoredTrack, frame: readonly Buffer[], keyframe = true): readonly Buffer[] | undefined {
  const sample = sampleOf(frame, keyframe);
  const bytes = Buffer.concat(storedParts(track, sample));
  assert.equal(storedSizeBytes(track, sample), bytes.length);
  return splitSample(bytes, { kind: "nal", lengthBytes: 4 });
}

test("delimiters, filler and known parameter sets are left out", () => {
  assert.deepEqual(kept(stored(h264), [aud, sps, pps, sei, idr, filler]), [sei, idr]);
  assert.deepEqual(kept(stored(h264), [aud, sei, slice, filler, Buffer.alloc(0)], false), [sei, slice]);
  assert.ok(h265.parameters.codec === "h265");
  const { vps, sps: sps265, pps: pps265 } = h265.parameters;
  const coded = nal("260101");
  assert.deepEqual(kept(stored(h265), [nal("460150"), ...vps, ...sps265, ...pps265, coded, nal("4c01ff80")]), [coded]);
});

test("one set that is new keeps the others of its frame", () => {
  const otherPps = Buffer.concat([pps, nal("80")]);
  assert.deepEqual(kept(stored(h264), [sps, pps, otherPps, idr]), [sps, pps, otherPps, idr]);
});

test("in-band: a keyframe has all sets, its own ones where it brings any", () => {
  const track = stored(h264, "in-band");
  assert.deepEqual(kept(track, [aud, idr]), [sps, pps, idr]);
  assert.deepEqual(kept(track, [slice], false), [slice]);
  const otherSps = Buffer.concat([sps, nal("80")]);
  assert.deepEqual(kept(track, [otherSps, pps, idr]), [otherSps, pps, idr]);
});

test("first in the entry: the others stand before each keyframe", () => {
  const second = nal("68ce0c88");
  const track = stored({ ...h264, parameters: { codec: "h264", sps: [sps], pps: [pps, second] } }, "first-in-entry");
  assert.deepEqual(kept(track, [idr]), [second, idr]);
  assert.deepEqual(kept(track, [sps, pps, idr]), [second, idr]);
  assert.deepEqual(kept(track, [sps, pps, second, idr]), [sps, pps, second, idr]);
  assert.deepEqual(kept(track, [slice], false), [slice]);
});

test("AV1: sizes are put in, and a keyframe has a sequence header", () => {
  const track = stored(av1);
  assert.ok(av1.parameters.codec === "av1");
  const header = av1.parameters.sequenceHeader!;
  const frame = nal("3010aa");
  const read = (keyframe: boolean, obus: readonly Buffer[]) =>
    splitSample(Buffer.concat(storedParts(track, sampleOf(obus, keyframe))), { kind: "obu", lengthBytes: 0 });
  assert.equal(Buffer.concat(storedParts(track, sampleOf([frame], false))).toString("hex"), "320210aa");
  assert.deepEqual(read(true, [frame]), [header, frame]);
  assert.deepEqual(read(true, [header, frame]), [header, frame]);
  assert.deepEqual(read(false, [frame]), [frame]);
});

test("several coded frames of one sample share its time", () => {
  const frames = ["21", "22", "23"].map((hex) => Buffer.from(hex, "hex"));
  const sample: Sample = { dtsTicks: 100, ptsOffsetTicks: 0, durationTicks: 3074, keyframe: true, frame: frames };
  const split = oneFrameEach(stored(aac), [sample]);
  assert.deepEqual(
    split.map(({ dtsTicks, durationTicks }) => [dtsTicks, durationTicks]),
    [
      [100, 1024],
      [1124, 1025],
      [2149, 1025],
    ],
  );
  assert.deepEqual(
    split.map(({ frame }) => frame),
    frames.map((frame) => [frame]),
  );
  const single = [{ ...sample, frame: [frames[0]!] }];
  assert.equal(oneFrameEach(stored(aac), single), single);
  const linear = [sample];
  assert.equal(oneFrameEach(stored(g711), linear), linear);
});

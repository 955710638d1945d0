import assert from "node:assert/strict";
import { test } from "node:test";
import { BitWriter } from "#base/bit-writer.ts";
import { readCodedClip } from "#testing/coded-clip.ts";
import { MAX_PARAMETER_SET_BYTES } from "../limits.ts";
import { isH264Keyframe } from "./nal.ts";
import { type H264Sps, h264PpsId, parseH264Sps } from "./sps.ts";

function clipSps(name: string): { sps: H264Sps; bytes: Buffer; pps: Buffer } {
  const { parameters } = readCodedClip(new URL(`../testdata/${name}.h264`, import.meta.url));
  assert.equal(parameters.codec, "h264");
  return { sps: parseH264Sps(parameters.sps[0]!)!, bytes: parameters.sps[0]!, pps: parameters.pps[0]! };
}

/** Start of a set up to log2_max_frame_num: no cropping and no VUI follow from `finishSet`. */
function startSet(profile: number, constraints: number, level: number): BitWriter {
  return new BitWriter().bits(0x67, 8).bits(profile, 8).bits(constraints, 8).bits(level, 8).ue(0);
}

function finishSet(writer: BitWriter, columns: number, rows: number): H264Sps | undefined {
  writer
    .ue(1)
    .bits(0, 1)
    .ue(columns - 1)
    .ue(rows - 1)
    .bits(0b1_1_0_0_1, 5);
  return parseH264Sps(writer.finish());
}

test("encoder output: size after cropping, frame rate, order", () => {
  const baseline = clipSps("h264-baseline-slices").sps;
  assert.deepEqual([baseline.width, baseline.height, baseline.fps, baseline.profileIdc], [176, 100, 25, 66]);
  assert.deepEqual([baseline.pocType, baseline.reorderFrames, baseline.maxReorderFrames], [2, 0, 0]);
  const high = clipSps("h264-high-pyramid-open-gop").sps;
  assert.deepEqual([high.width, high.height, high.fps, high.reorderFrames, high.pocType], [176, 100, 25, 2, 0]);
  const interlaced = clipSps("h264-high-interlaced").sps;
  assert.deepEqual([interlaced.width, interlaced.height, interlaced.framesOnly], [176, 100, false]);
  assert.equal(high.framesOnly, true);
  assert.equal(h264PpsId(clipSps("h264-main-b3").pps), 0);
});

test("reordering that the set does not state is bounded by level and size", () => {
  const at = (level: number, columns: number, rows: number) => {
    const sps = finishSet(startSet(77, 0, level).ue(0).ue(0).ue(0), columns, rows)!;
    return [sps.reorderFrames, sps.maxReorderFrames];
  };
  assert.deepEqual(at(40, 120, 68), [undefined, 4]); // 1080p
  assert.deepEqual(at(31, 80, 45), [undefined, 5]); // 720p
  assert.deepEqual(at(51, 20, 15), [undefined, 16]);
  assert.deepEqual(at(99, 120, 68), [undefined, 16]);
});

test("baseline, intra profiles and picture order count type 2 rule reordering out", () => {
  assert.equal(finishSet(startSet(66, 0, 40).ue(0).ue(0).ue(0), 120, 68)!.reorderFrames, 0);
  assert.equal(finishSet(startSet(77, 0, 40).ue(0).ue(2), 120, 68)!.reorderFrames, 0);
  const intra = startSet(110, 0x10, 40).ue(1).ue(2).ue(2).bits(0, 2).ue(0).ue(0).ue(0);
  assert.deepEqual([finishSet(intra, 120, 68)!.reorderFrames, parseH264Sps(intra.finish())!.bitDepthLuma], [0, 10]);
});

test("scaling lists, picture order count type 1, 4:4:4", () => {
  const lists = startSet(100, 0, 40).ue(1).ue(0).ue(0).bits(0, 1).bits(1, 1);
  lists.bits(1, 1);
  for (let i = 0; i < 16; i++) lists.ue(0); // se(0): as the value before
  lists.bits(1, 1).ue(16); // se(-8): the default list, nothing follows
  lists.bits(0, 6);
  assert.deepEqual(finishSet(lists.ue(0).ue(0).ue(3), 40, 30)?.width, 640);
  const type1 = finishSet(startSet(77, 0, 30).ue(0).ue(1).bits(0, 1).ue(3).ue(4).ue(2).ue(1).ue(2), 40, 30)!;
  assert.deepEqual([type1.pocType, type1.width, type1.height], [1, 640, 480]);
  const planes = finishSet(startSet(244, 0, 30).ue(3).bits(1, 1).ue(0).ue(0).bits(0, 2).ue(0).ue(0).ue(0), 40, 30)!;
  assert.deepEqual([planes.chromaFormat, planes.separateColourPlanes], [3, true]);
});

test("what is no set gives undefined", () => {
  const { bytes, pps } = clipSps("h264-main-b3");
  for (const bad of [Buffer.alloc(0), pps, bytes.subarray(0, 8), Buffer.alloc(MAX_PARAMETER_SET_BYTES + 1, 0x67), Buffer.alloc(64, 0x67)]) {
    assert.equal(parseH264Sps(bad), undefined);
  }
  assert.equal(finishSet(startSet(77, 0, 40).ue(0).ue(0).ue(0), 2000, 68), undefined, "wider than anything");
  assert.equal(h264PpsId(bytes), undefined);
  assert.equal(h264PpsId(Buffer.from([0x68, 0, 0, 0])), undefined);
});

test("a VUI that is cut short counts as absent", () => {
  const { bytes } = clipSps("h264-main-b3");
  const cut = parseH264Sps(bytes.subarray(0, bytes.length - 3))!;
  assert.deepEqual([cut.width, cut.height, cut.reorderFrames], [176, 100, undefined]);
});

test("keyframes are frames with an IDR slice", () => {
  const { frames } = readCodedClip(new URL("../testdata/h264-main-b3.h264", import.meta.url));
  const keyframes = frames.flatMap((frame, i) => (isH264Keyframe(frame) ? [i] : []));
  assert.deepEqual(keyframes, [0, 24, 48]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { BitReader } from "#base/bit-reader.ts";
import { BitWriter } from "#base/bit-writer.ts";
import { readCodedClip } from "#testing/coded-clip.ts";
import { isH265Keyframe, isH265SkippedLeading } from "./nal.ts";
import { skipRefPicSets } from "./ref-pic-set.ts";
import { h265PpsId, h265VpsId, parseH265Sps } from "./sps.ts";

const clip = (name: string) => readCodedClip(new URL(`../testdata/${name}.h265`, import.meta.url));
function sets(name: string): { vps: Buffer; sps: Buffer; pps: Buffer } {
  const { parameters } = clip(name);
  assert.equal(parameters.codec, "h265");
  return { vps: parameters.vps[0]!, sps: parameters.sps[0]!, pps: parameters.pps[0]! };
}

test("encoder output: size after cropping, frame rate, depth, order", () => {
  const main = parseH265Sps(sets("h265-main-open-gop").sps)!;
  assert.deepEqual([main.width, main.height, main.fps, main.reorderFrames], [176, 100, 25, 2]);
  assert.deepEqual([main.profileIdc, main.levelIdc, main.bitDepthLuma, main.chromaFormat, main.subLayers], [1, 30, 8, 1, 1]);
  assert.deepEqual([main.profileTierLevel.length, main.profileTierLevel[0], main.profileTierLevel[11]], [12, 1, 30]);
  const main10 = parseH265Sps(sets("h265-main10-no-b").sps)!;
  assert.deepEqual([main10.profileIdc, main10.bitDepthLuma, main10.bitDepthChroma, main10.reorderFrames, main10.fps], [2, 10, 10, 0, 25]);
});

test("ids of the sets", () => {
  const { vps, sps, pps } = sets("h265-main-closed-gop");
  assert.deepEqual([h265VpsId(vps), parseH265Sps(sps)!.id, h265PpsId(pps)], [0, 0, 0]);
  assert.deepEqual([h265VpsId(sps), parseH265Sps(pps), h265PpsId(vps)], [undefined, undefined, undefined]);
});

/** Sub-layers with and without profile and level of their own, scaling lists, PCM, predicted reference sets, long-term references. */
function fullSet(): Buffer {
  const out = new BitWriter().bits(0x4201, 16).bits(0, 4).bits(2, 3).bits(1, 1); // three sub-layers
  out.bits(1, 8).bits(0x60000000, 32).bits(0, 32).bits(0, 16).bits(120, 8);
  out.bits(0b11_01, 4).bits(0, 12); // two sub-layers: both, level only
  out.bits(0, 32).bits(0, 32).bits(0, 24).bits(90, 8).bits(93, 8);
  out.ue(3).ue(1).ue(1920).ue(1088).bits(1, 1).ue(0).ue(0).ue(0).ue(4);
  out.ue(0).ue(0).ue(4).bits(1, 1); // bit depths, 8 bits of order count, ordering info of every sub-layer
  for (const reorder of [0, 1, 3]) out.ue(4).ue(reorder).ue(0);
  out.ue(0).ue(3).ue(0).ue(3).ue(0).ue(0);
  out.bits(1, 1).bits(1, 1); // scaling lists: predicted, but one of size 32×32
  for (let i = 0; i < 18; i++) out.bits(0, 1).ue(0);
  out.bits(1, 1).ue(0);
  for (let i = 0; i < 64; i++) out.ue(0);
  out.bits(0, 1).ue(0);
  out.bits(0, 2).bits(1, 1).bits(0x77, 8).ue(0).ue(1).bits(0, 1); // AMP, SAO, PCM
  out.ue(2);
  out.ue(2).ue(1).ue(0).bits(1, 1).ue(1).bits(1, 1).ue(0).bits(1, 1); // −1, −3 and +1
  out.bits(1, 1).bits(1, 1).ue(0).bits(0b1_1, 2).bits(0b01, 2).bits(0b1, 1); // predicted from it, one further back
  out.bits(1, 1).ue(1).bits(0, 8).bits(0, 1); // one long-term reference
  out.bits(0, 2).bits(1, 1); // VUI
  out.bits(1, 1).bits(255, 8).bits(0, 32).bits(0, 1).bits(1, 1).bits(5, 3).bits(0, 1).bits(1, 1).bits(0, 24).bits(1, 1).ue(0).ue(0);
  out.bits(0, 3).bits(0, 1).bits(1, 1).bits(1001, 32).bits(30_000, 32).bits(0b100, 3);
  const raw = out.finish();
  const escaped: number[] = [];
  for (const byte of raw) {
    if (byte <= 3 && escaped.at(-1) === 0 && escaped.at(-2) === 0) escaped.push(3);
    escaped.push(byte);
  }
  return Buffer.from(escaped);
}

test("a set with everything before the frame rate that can be there", () => {
  const sps = parseH265Sps(fullSet())!;
  assert.deepEqual([sps.id, sps.width, sps.height, sps.subLayers, sps.reorderFrames, sps.levelIdc], [3, 1920, 1080, 3, 3, 120]);
  assert.equal(sps.fps?.toFixed(2), "29.97");
});

test("reference picture sets that are absurd end the reading", () => {
  assert.equal(skipRefPicSets(new BitReader(new BitWriter().ue(17).ue(0).finish()), 1), false);
  assert.equal(skipRefPicSets(new BitReader(Buffer.alloc(4)), 64), false);
});

test("what is no set gives undefined", () => {
  const { sps } = sets("h265-main-open-gop");
  for (const bad of [Buffer.alloc(0), sps.subarray(0, 18), Buffer.alloc(100, 0x42), Buffer.alloc(5000, 0x42)])
    assert.equal(parseH265Sps(bad), undefined);
  assert.equal(parseH265Sps(sps.subarray(0, sps.length - 8))?.fps, undefined, "the end is only needed for the frame rate");
});

test("keyframes are random access pictures; leading pictures of a CRA picture are told apart", () => {
  const { frames } = clip("h265-main-open-gop");
  assert.deepEqual(
    frames.flatMap((frame, i) => (isH265Keyframe(frame) ? [i] : [])),
    [0, 16, 34, 52],
  );
  assert.deepEqual(
    frames.flatMap((frame, i) => (isH265SkippedLeading(frame) ? [i] : [])),
    [17, 18, 35, 36, 53, 54],
  );
});

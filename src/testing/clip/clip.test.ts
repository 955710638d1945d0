import assert from "node:assert/strict";
import { test } from "node:test";
import { isH264Keyframe } from "#codecs/h264/nal.ts";
import { parseH264Sps } from "#codecs/h264/sps.ts";
import { CLIP_FORMAT, loadClip } from "./clip.ts";

const clip = loadClip();

test("the clip has a keyframe every two seconds, each with its parameter sets", () => {
  assert.equal(clip.frames.length, CLIP_FORMAT.frameCount);
  for (const [i, { nals, keyframe }] of clip.frames.entries()) {
    assert.equal(keyframe, i % CLIP_FORMAT.gopFrames === 0, `frame ${i}`);
    assert.equal(isH264Keyframe(nals), keyframe, `frame ${i}`);
    assert.equal(nals.length, keyframe ? 3 : 1, `frame ${i}`);
    if (keyframe) assert.deepEqual(nals.slice(0, 2), [clip.sps, clip.pps]);
  }
});

test("the parameter sets describe the picture that the clip says it has", () => {
  const sps = parseH264Sps(clip.sps);
  assert.equal(sps?.width, CLIP_FORMAT.width);
  assert.equal(sps?.height, CLIP_FORMAT.height);
});

test("sound and picture are equally long", () => {
  assert.equal(clip.audio.length / clip.audioSampleRateHz, clip.frames.length / clip.fps);
});

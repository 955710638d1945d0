import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample, TrackSamples } from "#containers/sample.ts";
import { syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import type { Fragment } from "../store.ts";
import { PictureThinner } from "./picture-thinner.ts";

const TRACKS = [syntheticTrack(), syntheticAudioTrack()];

/** Of a second: so many pictures, and ten pieces of sound. `released` counts. */
function fragmentAt(second: number, { keyframe = false, pictures = 5, allKeys = false, gap = false } = {}) {
  const video = Array.from({ length: pictures }, (_, i): Sample => {
    const ticks = 90_000 / pictures;
    const frame = [Buffer.from([second, i])];
    return {
      dtsTicks: second * 90_000 + i * ticks,
      ptsOffsetTicks: 7,
      durationTicks: ticks,
      keyframe: allKeys || (keyframe && i === 0),
      frame,
    };
  });
  const audio = Array.from({ length: 10 }, (_, i): Sample => {
    return { dtsTicks: second * 8000 + i * 800, ptsOffsetTicks: 0, durationTicks: 800, keyframe: true, frame: [Buffer.alloc(100, i)] };
  });
  const samples: TrackSamples[] = [
    { trackIndex: 0, samples: video },
    { trackIndex: 1, samples: audio },
  ];
  const fragment: Fragment & { released: number } = {
    samples,
    captureUs: second * 1e6,
    durationUs: 1e6,
    keyframe: keyframe || allKeys,
    gapBefore: gap ? "source" : undefined,
    senderUtcUs: undefined,
    sizeBytes: 1000 + 2 * pictures,
    released: 0,
    release() {
      fragment.released++;
    },
  };
  return fragment;
}

const picturesOf = (fragment: Fragment) =>
  fragment.samples.filter(({ trackIndex }) => trackIndex === 0).flatMap(({ samples }) => samples.map(({ frame }) => [...frame[0]!]));
const soundsOf = (fragment: Fragment) =>
  fragment.samples.filter(({ trackIndex }) => trackIndex === 1).reduce((sum, { samples }) => sum + samples.length, 0);

test("the first picture of a group stands until the next one, with all the sound; everything is let go of at once", () => {
  const thinner = new PictureThinner(TRACKS);
  const group = [fragmentAt(0, { keyframe: true }), fragmentAt(1), fragmentAt(2)];
  for (const fragment of group) assert.deepEqual(thinner.push(fragment, true), []);
  assert.deepEqual(
    group.map(({ released }) => released),
    [1, 1, 1],
  );
  const [thinned, ...others] = thinner.push(fragmentAt(3, { keyframe: true }), true);
  assert.equal(others.length, 0);
  assert.deepEqual(picturesOf(thinned!), [[0, 0]]);
  assert.equal(soundsOf(thinned!), 30);
  const { captureUs, durationUs, keyframe, sizeBytes, samples } = thinned!;
  assert.deepEqual([captureUs, durationUs, keyframe, sizeBytes], [0, 3e6, true, 3002]);
  assert.deepEqual([samples[0]!.samples[0]!.durationTicks, samples[0]!.samples[0]!.ptsOffsetTicks], [270_000, 7]);
  assert.deepEqual(picturesOf(thinner.flush()!), [[3, 0]]);
  assert.equal(thinner.flush(), undefined);
});

test("a camera of keyframes alone: one a second", () => {
  const thinner = new PictureThinner(TRACKS);
  const out = [0, 1, 2].flatMap((second) => thinner.push(fragmentAt(second, { allKeys: true, pictures: 25 }), true));
  assert.deepEqual(out.map(picturesOf), [[[0, 0]], [[1, 0]]]);
});

test("it begins with a keyframe, and ends before one", () => {
  const thinner = new PictureThinner(TRACKS);
  const passed = fragmentAt(0);
  assert.deepEqual(thinner.push(passed, true), [passed]);
  assert.equal(passed.released, 0);
  assert.deepEqual(thinner.push(fragmentAt(1, { keyframe: true }), true), []);
  assert.deepEqual(thinner.push(fragmentAt(2), false), []);
  const key = fragmentAt(3, { keyframe: true });
  const [thinned, whole] = thinner.push(key, false);
  assert.deepEqual([picturesOf(thinned!), whole], [[[1, 0]], key]);
  assert.equal(key.released, 0);
});

test("footage that is missing ends a group", () => {
  const thinner = new PictureThinner(TRACKS);
  thinner.push(fragmentAt(0, { keyframe: true }), true);
  const [before] = thinner.push(fragmentAt(60, { keyframe: true, gap: true }), true);
  assert.deepEqual([before!.durationUs, before!.gapBefore], [1e6, undefined]);
  assert.equal(thinner.flush()!.gapBefore, "source");
});

test("sound alone goes on as it is, and a camera that makes no keyframes keeps nobody waiting for ever", () => {
  const alone = new PictureThinner([syntheticAudioTrack(0)]);
  const sound = fragmentAt(0, { allKeys: true });
  assert.equal(alone.canThin, false);
  assert.deepEqual(alone.push(sound, true), [sound]);
  const thinner = new PictureThinner(TRACKS);
  const out: Fragment[] = [...thinner.push(fragmentAt(0, { keyframe: true }), true)];
  for (let second = 1; second < 100; second++) out.push(...thinner.push(fragmentAt(second), true));
  assert.ok(out.length >= 3);
  assert.deepEqual(out.slice(0, 2).map(picturesOf), [[[0, 0]], []]);
});

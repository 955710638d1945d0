import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Clock } from "#base/clock.ts";
import type { SourceSink } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { loadClip } from "../clip/clip.ts";
import { ClipSource } from "./clip-source.ts";

const clip = loadClip();
const FRAME_MS = 1000 / clip.fps;

/** Runs a source on a clock that stands still until it is told to go on: with its timers (`pass`), or without (`stall`). */
function play(t: TestContext, startFrame: number) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const clock: Clock = { nowUs: () => nowMs * 1000, utcOf: (utcUs) => ({ utcUs, quality: "est", errorMs: undefined }) };
  const units: Unit[] = [];
  let tracks: readonly Track[] = [];
  const sink: SourceSink = {
    ready: (ready) => {
      tracks = ready;
      return (unit) => void units.push(unit);
    },
  };
  const abort = new AbortController();
  const ended = new ClipSource({ clip, clock, startFrame }).run(sink, abort.signal);
  const stall = (ms: number): void => {
    nowMs += ms;
  };
  const pass = (ms: number): void => {
    stall(ms);
    t.mock.timers.tick(ms);
  };
  return { units, tracks, abort, ended, pass, stall };
}

const ofKind = (units: readonly Unit[], kind: string) => units.filter((unit) => unit.track.kind === kind);

test("the loop has no seam: frames wrap, timestamps go on, picture and sound together", (t) => {
  const { units, tracks, pass } = play(t, 450);
  for (let frame = 1; frame < 100; frame++) pass(FRAME_MS);
  const video = ofKind(units, "video");
  const audio = ofKind(units, "audio");
  assert.deepEqual(
    video.map((unit) => clip.frames.findIndex(({ nals }) => nals === unit.frame)),
    Array.from({ length: 100 }, (_, i) => (450 + i) % 500),
  );
  assert.deepEqual(
    video.map(({ ptsTicks, captureUs, keyframe }) => ({ ptsTicks, captureUs, keyframe })),
    Array.from({ length: 100 }, (_, i) => ({ ptsTicks: i * 3600, captureUs: i * 40_000, keyframe: i % 50 === 0 })),
  );
  assert.deepEqual(
    audio.map(({ ptsTicks, captureUs }) => ({ ptsTicks, captureUs })),
    Array.from({ length: 100 }, (_, i) => ({ ptsTicks: i * 320, captureUs: i * 40_000 })),
  );
  assert.deepEqual(
    Buffer.concat(audio.flatMap((unit) => unit.frame ?? [])),
    Buffer.concat([clip.audio.subarray(450 * 320), clip.audio.subarray(0, 50 * 320)]),
  );
  assert.deepEqual(
    tracks.map(({ codec }) => codec),
    ["h264", "g711"],
  );
});

test("it begins at the keyframe before the frame that was asked for", (t) => {
  const { units } = play(t, 130);
  assert.equal(units[0]!.frame, clip.frames[100]!.nals);
});

test("late timers do not add up, and a short delay loses nothing", (t) => {
  const { units, pass } = play(t, 0);
  for (let round = 0; round < 10; round++) pass(FRAME_MS * 2.5);
  assert.equal(ofKind(units, "video").length, 26);
});

test("after a long standstill it goes on at the last keyframe that is due", (t) => {
  const { units, pass, stall } = play(t, 0);
  stall(6960); // with the 40 ms below 175 frames: three groups of 50, and a half
  pass(FRAME_MS);
  const [first, next, ...others] = ofKind(units, "video");
  assert.deepEqual([first!.ptsTicks, next!.ptsTicks, next!.keyframe], [0, 150 * 3600, true]);
  assert.equal(others.length, 25);
  assert.equal(others.at(-1)!.ptsTicks, 175 * 3600);
});

test("an abort ends it", async (t) => {
  const { units, abort, ended, pass } = play(t, 0);
  abort.abort();
  await ended;
  pass(1000);
  assert.equal(units.length, 2);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { TrackTimeline } from "./timeline.ts";

test("the first unit is placed by its capture, the others by their own distance", () => {
  const timeline = new TrackTimeline(90_000);
  assert.equal(timeline.place(1000, 2_000_000), 180_000);
  assert.equal(timeline.place(4600, 9_999_999), 183_600);
  assert.equal(timeline.place(2800, 0), 181_800, "a B-frame steps back");
});

test("after a restart time has gone on by what passed, and never back", () => {
  const timeline = new TrackTimeline(8000);
  timeline.place(0, 0);
  timeline.place(80_000, 1_000_000); // the source's clock is ten times too fast
  timeline.restart();
  assert.equal(timeline.place(5, 2_000_000), 80_001);
  assert.equal(timeline.place(165, 2_020_000), 80_161);
  timeline.restart();
  assert.equal(timeline.place(0, 60_000_000), 480_000);
});

test("two tracks of one clock are slewed together, never stepped", () => {
  const video = new TrackTimeline(90_000);
  const audio = new TrackTimeline(8000);
  const startUtcUs = 1.7e15;
  let before = 0;
  let skewMs = 0;
  for (let i = 0; i < 10_000; i++) {
    const atUs = i * 40_000;
    // Both were captured at the same instants; the first sound came 150 ms late.
    const picture = video.place(i * 3600, atUs);
    const sound = audio.place(i * 320, atUs + (i === 0 ? 150_000 : 0));
    video.align(video, picture, startUtcUs + atUs, atUs);
    audio.align(video, sound, startUtcUs + atUs, atUs);
    if (i > 0) assert.ok(Math.abs(sound - before - 320) <= 1, `a step of ${sound - before} ticks`);
    before = sound;
    skewMs = (sound / 8000 - picture / 90_000) * 1000;
    if (i === 0) assert.equal(skewMs, 150);
  }
  assert.ok(Math.abs(skewMs) <= 1.2, `${skewMs} ms`);
});

test("clocks that have nothing to do with each other draw nothing together", () => {
  const video = new TrackTimeline(90_000);
  const audio = new TrackTimeline(8000);
  for (let i = 0; i < 100; i++) {
    video.align(video, video.place(i * 3600, i * 40_000), 1.7e15 + i * 40_000, i * 40_000);
    const sound = audio.place(i * 320, i * 40_000);
    audio.align(video, sound, 1.6e15 + i * 40_000, i * 40_000);
    assert.equal(sound, i * 320);
  }
});

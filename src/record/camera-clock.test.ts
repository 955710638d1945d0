// Footage of a camera whose own clock is trusted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RecorderSite } from "#testing/recorder-site.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";

const VIDEO = syntheticTrack();

/** Fragments of a camera, by how far their time is from ours, ms. */
async function recorded(offMs: (second: number) => number | undefined, seconds: number, followsCamera = true): Promise<number[]> {
  const site = new RecorderSite({ recorder: { followsCamera }, video: { gopFrames: 25 } });
  site.attach(VIDEO);
  const shifts: number[] = [];
  for (let second = 0; second < seconds; second++) {
    for (let i = 0; i < 25; i++) {
      const ms = offMs(second);
      const utcUs = site.clock.utcOf(site.clock.us).utcUs;
      await site.frame(VIDEO, ms === undefined ? {} : { senderUtcUs: utcUs + ms * 1000 });
    }
  }
  await site.recorder.stop();
  for (const [i, { captureUs }] of site.fragments.entries()) shifts.push((captureUs - 1_000_000 - i * 1e6) / 1000);
  assert.ok(
    site.fragments.every(({ captureUs }, i) => i === 0 || captureUs > site.fragments[i - 1]!.captureUs),
    "stamps go on",
  );
  assert.equal(site.store.runs.length, 1);
  assert.deepEqual(site.recorder.state.gaps, []);
  return shifts;
}

test("from the first frame on the time is the camera's", async () => {
  assert.deepEqual(await recorded(() => -1500, 4), [-1500, -1500, -1500, -1500]);
  assert.deepEqual(await recorded(() => 700, 2), [700, 700]);
});

test("a camera that is far off, or says nothing, has our time; so has one that nobody trusts", async () => {
  assert.deepEqual(await recorded(() => -7200_000, 2), [0, 0]);
  assert.deepEqual(await recorded(() => undefined, 2), [0, 0]);
  assert.deepEqual(await recorded(() => 700, 2, false), [0, 0]);
});

test("a camera that tells its time late, or is set, is followed without a jump", async () => {
  const shifts = await recorded((second) => (second < 2 ? undefined : second < 30 ? -2000 : 300), 60);
  assert.deepEqual(shifts.slice(0, 2), [0, 0]);
  for (let i = 1; i < shifts.length; i++) assert.ok(Math.abs(shifts[i]! - shifts[i - 1]!) <= 101, `${shifts[i - 1]} to ${shifts[i]}`);
  assert.equal(shifts[29], -2000);
  assert.equal(shifts[59], 300);
});

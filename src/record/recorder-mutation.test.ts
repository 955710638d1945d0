// Whatever a source and a store do, in whatever order: the recorder throws nothing, and what it gives the store can be relied on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { EndReason } from "#relay/reader.ts";
import type { Track } from "#relay/track.ts";
import { fuzzRounds, seededRandom } from "#testing/mutate.ts";
import { assertSound, RecorderSite } from "#testing/recorder-site.ts";
import { SYNTHETIC_SETS, syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { type GapCause, StoreFault } from "./store.ts";

const ROUNDS = fuzzRounds(60);
const STEPS = 150;
const ENDS: readonly EndReason[] = ["source-ended", "tracks-changed", "path-removed"];
const PLAIN = syntheticTrack();
const TRACKS: readonly Track[] = [
  PLAIN,
  { ...PLAIN, parameters: { codec: "h264", sps: [SYNTHETIC_SETS.otherSps], pps: [SYNTHETIC_SETS.pps] } },
  syntheticTrack({ described: false }),
  { ...PLAIN, reorderFrames: 2 },
];
const AUDIO = syntheticAudioTrack();

async function round(seed: number): Promise<RecorderSite> {
  const random = seededRandom(seed);
  const chance = (of: number) => random(of) === 0;
  const site = new RecorderSite({ limits: { maxMs: [200, 1000][random(2)]!, maxBytes: 1000 }, video: { gopFrames: 5 } });
  let track = PLAIN;
  let isAttached = false;
  let release: (() => void) | undefined;
  for (let step = 0; step < STEPS; step++) {
    if (!isAttached && site.isFollowed && chance(3)) {
      site.attach(track, ...(chance(2) ? [AUDIO] : []));
      isAttached = true;
    }
    if (isAttached) {
      if (chance(20)) track = TRACKS[random(TRACKS.length)]!;
      if (chance(30)) site.videoTicks += (random(3) - 1) * random(20) * 90_000;
      if (chance(40)) await site.silence(random(20_000));
      const changes = { ...(chance(10) && { damaged: true }), ...(chance(20) && { keyframe: true }), ...(chance(30) && { frame: [] }) };
      await site.frame(track, changes);
      for (let i = random(3); i > 0; i--) {
        const ptsTicks = Math.round((site.videoTicks * 8) / 90) + (chance(20) ? random(400_000) - 200_000 : 0);
        site.recorder.onUnit({
          track: AUDIO,
          ptsTicks,
          captureUs: site.clock.us - random(100_000),
          keyframe: true,
          damaged: chance(10),
          frame: [Buffer.alloc(160)],
        });
      }
      if (chance(40)) site.recorder.onRestart();
      if (chance(40)) {
        site.end(ENDS[random(ENDS.length)]);
        isAttached = false;
      }
    }
    if (chance(10)) site.store.refuses = !site.store.refuses;
    if (chance(60)) site.store.fail(new StoreFault("io", "by chance"));
    if (chance(60)) site.store.nextOpenFault = new StoreFault("gone", "by chance");
    if (chance(30)) {
      release?.();
      release = release === undefined ? site.store.hang() : undefined;
    }
    if (chance(60)) {
      void site.recorder.stop();
      isAttached = false;
    }
    if (!site.isFollowed && chance(4)) site.recorder.start();
    site.timers.passMs(random(300));
  }
  release?.();
  site.store.refuses = false;
  site.store.nextOpenFault = undefined;
  await site.recorder.stop();
  return site;
}

test("nothing is thrown, samples and calls are in order, every gap has its bounds", async () => {
  const causes = new Set<GapCause>();
  let fragments = 0;
  for (let seed = 0; seed < ROUNDS; seed++) {
    const site = await round(seed);
    assertSound(site);
    assert.ok(!site.states.some((state) => state.includes("not open")), "append without open");
    assert.equal(site.recorder.state.state, "off");
    for (const { fromUs, toUs, cause } of site.gaps) {
      assert.ok(fromUs <= toUs);
      causes.add(cause);
    }
    fragments += site.fragments.length;
    let calls = site.store.calls.filter((call) => call !== "append" && call !== "refuse").join(" ");
    calls = calls.replace(/\bopen opened\b/g, "o").replace(/\bclose closed\b/g, "c");
    assert.match(calls, /^(?:o|c|open|\s)*$/, "one call after the other");
    await setImmediate();
  }
  assert.ok(fragments > ROUNDS * 5, `${fragments} fragments`);
  assert.deepEqual([...causes].sort(), ["backpressure", "disk", "off", "source", "tracks"]);
});

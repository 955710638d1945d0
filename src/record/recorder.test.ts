import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Parameters } from "#codecs/codec.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { assertSound, RecorderSite } from "#testing/recorder-site.ts";
import { SYNTHETIC_SETS, syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import type { Fragment } from "./store.ts";

const VIDEO = syntheticTrack();
const AUDIO = syntheticAudioTrack();
const FRAME_US = 40_000;
const FRAME_TICKS = 3600;
/** Of G.711: 20 ms. */
const AUDIO_FRAME = [Buffer.alloc(160, 0xd5)];

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const unitOf = (track: Track, ptsTicks: number, captureUs: number, changes: Partial<Unit> = {}): Unit => ({
  track,
  ptsTicks,
  captureUs,
  keyframe: false,
  damaged: false,
  frame: AUDIO_FRAME,
  ...changes,
});
const samplesOf = (fragment: Fragment | undefined, trackIndex = 0) =>
  fragment?.samples.find((track) => track.trackIndex === trackIndex)?.samples ?? [];
const gapBefore = (fragments: readonly Fragment[]) => fragments.map((fragment) => fragment.gapBefore);

test("recorded from the first keyframe on, cut at keyframes, each sample as long as until the next", async () => {
  const site = new RecorderSite();
  assert.deepEqual([site.recorder.state.state, site.recorder.state.reason], ["waiting", "no stream"]);
  site.attach(VIDEO);
  assert.equal(site.recorder.state.reason, "no keyframe yet");
  await site.frames(VIDEO, 3, { keyframe: false }); // 0 … 2
  assert.deepEqual(site.store.calls, []);
  await site.frames(VIDEO, 29); // keyframes are 10, 20, 30
  assert.equal(site.recorder.state.state, "recording");
  assert.deepEqual(site.numbers, [range(10, 20), range(20, 30)]);
  const [run] = site.store.runs;
  assert.deepEqual(run?.tracks, [VIDEO]);
  assert.equal(run?.captureUs, 1_000_000 + 10 * FRAME_US);
  assert.equal(run?.gapBefore, undefined);
  const [first, second] = site.fragments;
  assert.deepEqual(
    samplesOf(first).map(({ dtsTicks, durationTicks, ptsOffsetTicks, keyframe }) => [dtsTicks, durationTicks, ptsOffsetTicks, keyframe]),
    range(0, 10).map((i) => [i * FRAME_TICKS, FRAME_TICKS, 0, i === 0]),
  );
  assert.equal(samplesOf(second)[0]?.dtsTicks, 10 * FRAME_TICKS);
  assert.deepEqual([first?.keyframe, first?.durationUs, first?.captureUs], [true, 10 * FRAME_US, run!.captureUs]);
  assert.equal(second?.captureUs, run!.captureUs + 10 * FRAME_US);
  assertSound(site);
  const { fragments, bytes, lastWriteUs, droppedUnits } = site.recorder.state;
  assert.deepEqual([fragments, bytes, droppedUnits], [2, 2000, 0]);
  assert.ok(lastWriteUs! >= second!.captureUs + second!.durationUs);
});

test("fragments that are not at a keyframe: by time and by size", async () => {
  const byTime = new RecorderSite({ limits: { maxMs: 120 } });
  byTime.attach(VIDEO);
  await byTime.frames(VIDEO, 11);
  assert.deepEqual(byTime.numbers, [range(0, 3), range(3, 6), range(6, 9), [9]]);
  assert.deepEqual(
    byTime.fragments.map(({ keyframe }) => keyframe),
    [true, false, false, false],
  );

  const bySize = new RecorderSite({ limits: { maxBytes: 250, cutAtKeyframe: false }, video: { gopFrames: 3 } });
  bySize.attach(VIDEO);
  await bySize.frames(VIDEO, 7);
  assert.deepEqual(bySize.numbers, [
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
  assert.ok(bySize.fragments.every(({ sizeBytes }) => sizeBytes <= 250));
  const huge = new RecorderSite({ limits: { maxBytes: 50 } });
  huge.attach(VIDEO);
  await huge.frames(VIDEO, 3);
  assert.deepEqual(huge.numbers, [[0], [1]], "a frame that is too large goes alone");
});

test("the end of the stream: the last frame is as long as the one before, and the store is closed", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 13);
  site.end();
  await setImmediate();
  assert.deepEqual(site.numbers, [range(0, 10), range(10, 13)]);
  assert.equal(site.fragments[1]?.durationUs, 3 * FRAME_US);
  assert.deepEqual(site.store.calls, ["open", "opened", "append", "append", "close", "closed"]);
  assert.deepEqual([site.recorder.state.state, site.recorder.state.reason], ["waiting", "no stream"]);
  assert.deepEqual(site.recorder.state.openGap, { cause: "source", fromUs: 1_000_000 + 13 * FRAME_US });
  assert.deepEqual(site.timers.delaysMs, []);
});

test("the stream comes back: another run, the gap has its bounds", async () => {
  for (const [reason, cause] of [
    ["source-ended", "source"],
    ["tracks-changed", "tracks"],
  ] as const) {
    const site = new RecorderSite();
    site.attach(VIDEO);
    await site.frames(VIDEO, 10);
    site.end(reason);
    await site.silence(30_000);
    site.attach(VIDEO);
    site.videoTicks = 0; // another stream has another epoch
    await site.frames(VIDEO, 11);
    const startUs = 1_000_000 + 10 * FRAME_US + 30_000_000;
    assert.deepEqual(site.gaps, [{ cause, fromUs: 1_000_000 + 10 * FRAME_US, toUs: startUs }]);
    assert.deepEqual(site.recorder.state.gaps, site.gaps);
    assert.deepEqual(
      site.store.runs.map((run) => [run.captureUs, run.gapBefore]),
      [
        [1_000_000, undefined],
        [startUs, cause],
      ],
    );
    assert.deepEqual(gapBefore(site.fragments), [undefined, cause]);
    assert.equal(samplesOf(site.fragments[1])[0]?.dtsTicks, 0);
    assert.equal(site.recorder.state.state, "recording");
  }
});

test("a source that was away within one stream begins another run", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 10);
  await site.silence(1500);
  site.recorder.onRestart();
  const again = syntheticTrack();
  await site.frames(again, 2, { keyframe: false });
  await site.frames(again, 19);
  assert.deepEqual(gapBefore(site.fragments), [undefined, "source"]);
  assert.equal(site.store.runs.length, 2);
  assert.deepEqual(site.numbers, [range(0, 10), range(20, 30)]);
  assert.ok(!site.store.calls.includes("close"));
});

test("tracks the store cannot keep are left out, in one line of the log", async () => {
  const site = new RecorderSite();
  const generic = {
    ...AUDIO,
    codec: "generic" as const,
    parameters: { codec: "generic", rtpmap: "x/1", fmtp: "", payloadType: 99 } as const,
  };
  assert.equal(site.recorder.wants(VIDEO), "frame");
  assert.equal(site.recorder.wants(generic), undefined);
  site.recorder.onBacklogEnd();
  site.end();
  site.attach(VIDEO, generic);
  await site.frames(VIDEO, 11);
  assert.deepEqual(
    site.log.lines.filter((line) => line.includes("not recorded")),
    ["[recorder cam] not recorded: track 1 (generic)"],
  );
  assert.deepEqual(site.store.runs[0]?.tracks, [VIDEO]);

  const nothing = new RecorderSite();
  nothing.attach(generic);
  assert.deepEqual([nothing.recorder.state.state, nothing.recorder.state.reason], ["waiting", "no track that can be recorded"]);
});

test("audio lies between, in fragments of the video; it is never waited for", async () => {
  const site = new RecorderSite();
  site.attach(AUDIO, { ...VIDEO, index: 0 }); // the leading track need not come first in time
  const startUs = site.clock.us;
  let heard = -3;
  for (let i = 0; i < 31; i++) {
    for (; heard < 2 * i; heard++) site.recorder.onUnit(unitOf(AUDIO, heard * 160, startUs + heard * 20_000));
    await site.frame(VIDEO);
  }
  assertSound(site);
  const tracks = site.store.runs[0]!.tracks;
  assert.equal(tracks[1]?.kind, "video");
  const audio = site.fragments.flatMap((fragment) => samplesOf(fragment, 0));
  assert.deepEqual(
    audio.map(({ dtsTicks, durationTicks, keyframe }) => [dtsTicks, durationTicks, keyframe]),
    range(0, audio.length).map((i) => [i * 160, 160, true]),
  );
  assert.ok(audio.length >= 57, `${audio.length} of 60`);
  for (const fragment of site.fragments) {
    const endS = (samplesOf(fragment, 1).at(-1)!.dtsTicks + FRAME_TICKS) / 90_000;
    assert.ok(samplesOf(fragment, 0).every(({ dtsTicks }) => dtsTicks / 8000 < endS));
  }
});

test("audio that falls silent holds nothing up; what comes too late is left out and counted", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO, AUDIO);
  const startUs = site.clock.us;
  await site.frame(VIDEO);
  for (let i = 0; i < 3; i++) site.recorder.onUnit(unitOf(AUDIO, i * 160, startUs + i * 20_000));
  await site.frames(VIDEO, 80);
  assert.equal(site.fragments.length, 8);
  site.recorder.onUnit(unitOf(AUDIO, 3 * 160, startUs + 60_000));
  assert.equal(site.recorder.state.droppedUnits, 1);
  site.recorder.onUnit(unitOf(AUDIO, 2 * 8000, startUs + 2_000_000));
  await site.frames(VIDEO, 10);
  assert.equal(site.recorder.state.droppedUnits, 1);
  assertSound(site);
});

test("several AAC frames of one time are as many samples", async () => {
  const config = Buffer.from("1210", "hex"); // LC, 44.1 kHz, stereo
  const parameters = {
    codec: "aac",
    config,
    sampleRateHz: 44_100,
    channelCount: 2,
    sizeLength: 13,
    indexLength: 3,
    indexDeltaLength: 3,
  } as const;
  const aac: Track = { index: 0, kind: "audio", codec: "aac", clockRateHz: 44_100, parameters, reorderFrames: 0 };
  const site = new RecorderSite({ limits: { maxMs: 200 } });
  site.attach(aac);
  for (let i = 0; i < 8; i++) {
    const frame = [0, 1, 2].map((part) => Buffer.from([i, part]));
    site.recorder.onUnit(unitOf(aac, i * 3 * 1024, site.clock.us + Math.round((i * 3 * 1024 * 1e6) / 44_100), { frame }));
    await setImmediate();
  }
  site.end();
  await setImmediate();
  const samples = site.fragments.flatMap((fragment) => samplesOf(fragment));
  assert.deepEqual(
    samples.map(({ dtsTicks, durationTicks, frame }) => [dtsTicks, durationTicks, frame[0]![0]! * 3 + frame[0]![1]!]),
    range(0, 24).map((i) => [i * 1024, 1024, i]),
  );
  assert.ok(site.fragments.length > 1 && site.fragments.every(({ durationUs, keyframe }) => durationUs <= 232_200 && keyframe));
  assertSound(site);
});

test("new parameter sets: another run without a gap, and without a hole in time", async () => {
  const other = { ...VIDEO, parameters: { ...VIDEO.parameters, sps: [SYNTHETIC_SETS.otherSps] } as Parameters };
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 10);
  await site.frames(syntheticTrack(), 10); // the same sets in another object
  assert.equal(site.store.runs.length, 1);
  await site.frames(other, 11);
  assert.deepEqual(
    site.store.runs.map(({ tracks, gapBefore: gap }) => [tracks[0]?.parameters, gap]),
    [
      [VIDEO.parameters, undefined],
      [other.parameters, undefined],
    ],
  );
  assert.deepEqual(site.numbers, [range(0, 10), range(10, 20), range(20, 30)]);
  assert.equal(site.fragments[1]!.captureUs + site.fragments[1]!.durationUs, site.store.runs[1]!.captureUs);
  assert.deepEqual(site.gaps, []);
  assert.ok(!site.store.calls.includes("close"));
});

test("a track that is not described yet is waited for when it leads, and joins later when it does not", async () => {
  const site = new RecorderSite();
  const unknown = syntheticTrack({ described: false });
  const mp3 = { ...AUDIO, codec: "mp3", clockRateHz: 8000, parameters: { codec: "mp3" } } as Track;
  const knownMp3 = { ...mp3, parameters: { codec: "mp3", sampleRateHz: 8000, channelCount: 1 } } as Track;
  site.attach(unknown, mp3);
  await site.frames(unknown, 10);
  assert.deepEqual(site.recorder.state.reason, "the parameters of the h264 track are not known yet");
  await site.frames(VIDEO, 5);
  assert.deepEqual(site.store.runs[0]?.tracks, [VIDEO]);
  site.recorder.onUnit(unitOf(knownMp3, 10_000, site.clock.us));
  await site.frames(VIDEO, 6);
  assert.deepEqual(
    site.store.runs.map((run) => run.tracks),
    [[VIDEO], [VIDEO, knownMp3]],
  );
  assert.deepEqual(site.gaps, []);
});

test("a step of the source is a gap, not a long frame; after a long one a keyframe is waited for", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 5);
  site.videoTicks += 3 * 90_000;
  site.clock.us += 3_000_000;
  await site.frames(VIDEO, 5);
  site.videoTicks += 7 * 90_000;
  site.clock.us += 7_000_000;
  await site.frames(VIDEO, 11);
  assert.deepEqual(
    site.fragments.flatMap((fragment) => samplesOf(fragment).map(({ durationTicks }) => durationTicks)),
    Array(20).fill(FRAME_TICKS),
  );
  const firstEndUs = 1_000_000 + 5 * FRAME_US;
  const endUs = firstEndUs + 5 * FRAME_US + 3_000_000;
  assert.deepEqual(site.gaps, [
    { cause: "source", fromUs: firstEndUs, toUs: firstEndUs + 3_000_000 },
    { cause: "source", fromUs: endUs, toUs: endUs + 7_000_000 },
  ]);
  assert.deepEqual(
    site.store.runs.map((run) => run.gapBefore),
    [undefined, "source"],
  );
});

test("a camera that is slow, or gets slow, has no gaps for it", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 10);
  for (let i = 0; i < 12; i++) {
    site.videoTicks += 90_000;
    site.clock.us += 1_000_000;
    await site.frames(VIDEO, 1);
  }
  assert.equal(site.gaps.length, 1, "the first long step only");
  assert.ok(site.gaps[0]!.toUs - site.gaps[0]!.fromUs <= 1_000_000);
});

test("a silent source: what is there goes to the store, and the state says so", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 4);
  await site.silence(4000);
  assert.deepEqual(site.numbers, [range(0, 4)]);
  assert.deepEqual([site.recorder.state.state, site.recorder.state.reason], ["stalled", "the source is silent"]);
  await site.frames(VIDEO, 7);
  assert.equal(site.recorder.state.state, "recording");
  assert.deepEqual(site.numbers, [range(0, 4), range(4, 10)]);
  assertSound(site);
  assert.equal(site.store.runs.length, 1);
});

test("damaged frames are kept and counted; nothing begins with one", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frame(VIDEO, { damaged: true });
  assert.deepEqual(site.store.calls, []);
  await site.frames(VIDEO, 10);
  await site.frame(VIDEO, { damaged: true });
  await site.frames(VIDEO, 8);
  await site.frame(VIDEO, { damaged: true, keyframe: true });
  await site.frames(VIDEO, 11);
  assert.deepEqual(site.numbers, [range(10, 30)]);
  assert.equal(site.fragments[0]?.damagedFrames, 2);
  assert.equal(samplesOf(site.fragments[0])[10]?.keyframe, false, "nobody should start there");
});

test("absurd times: samples never fall, and a clock that left ours for good begins a new timeline", async () => {
  const site = new RecorderSite();
  site.attach(VIDEO);
  await site.frames(VIDEO, 5);
  await site.frame(VIDEO, { ptsTicks: 3600 * 90_000 }); // one frame stamped an hour off
  await site.frame(VIDEO, { ptsTicks: 0 });
  await site.frames(VIDEO, 14);
  assert.equal(site.store.runs.length, 1);
  assert.deepEqual(site.numbers, [range(0, 10), range(10, 20)]);
  assertSound(site);
  const totalUs = site.fragments.reduce((sum, { durationUs }) => sum + durationUs, 0);
  assert.equal(totalUs, 20 * FRAME_US);

  site.videoTicks -= 3600 * 90_000; // the source counts anew
  await site.frames(VIDEO, 120);
  assert.equal(site.store.runs.length, 2, "one new timeline, once it lasted");
  assertSound(site);
  const last = site.fragments.at(-1)!;
  const run = site.store.runs[1]!;
  assert.ok(Math.abs(last.captureUs - run.captureUs - (samplesOf(last)[0]!.dtsTicks / 90_000) * 1e6) < 1000);
  assert.deepEqual(site.gaps, [], "no frame is missing");
});

// How footage becomes one clip: where runs are joined, what is cut, when a clip ends.
import assert from "node:assert/strict";
import { test } from "node:test";
import { codecProperties } from "#codecs/properties.ts";
import type { Sample } from "#containers/sample.ts";
import { MemoryIndex, type MemoryRun } from "#testing/memory-index.ts";
import { TRACKS } from "#testing/mp4/tracks.ts";
import { codedRun, gateRun, NOON_US } from "#testing/recorded-clip.ts";
import { type ClipPart, ClipReader, type ClipWish } from "./clip-reader.ts";

const SECOND_US = 1_000_000;
const FRAME = 3600;
const never = new AbortController().signal;

async function readClip(runs: readonly MemoryRun[], from: number, seconds: number, more: Partial<ClipWish> = {}) {
  const fromUtcUs = NOON_US + from * SECOND_US;
  const wish: ClipWish = { path: "cam", fromUtcUs, toUtcUs: fromUtcUs + seconds * SECOND_US, skipGaps: false, choice: "all", ...more };
  const reader = new ClipReader(new MemoryIndex({ cam: runs }), wish);
  const parts: ClipPart[] = [];
  for await (const part of reader.parts(never)) parts.push(part);
  const of = (index: number): Sample[] =>
    parts.flatMap(({ samples }) => samples.filter(({ trackIndex }) => trackIndex === index)).flatMap(({ samples }) => samples);
  return { reader, parts, video: of(0), audio: of(1), times: of(0).map(({ dtsTicks }) => dtsTicks / FRAME) };
}

const range = (from: number, end: number): number[] => Array.from({ length: end - from }, (_, i) => from + i);
const gate = (more: Partial<Parameters<typeof gateRun>[0]> = {}): MemoryRun => gateRun({ startUtcUs: NOON_US, frames: [0, 200], ...more });

test("from the keyframe before the start to the end, and no further", async () => {
  const { times, video, reader } = await readClip([gate()], 3, 2);
  assert.deepEqual(times, range(-25, 50));
  assert.equal(video[0]!.keyframe, true);
  assert.equal(reader.next, undefined);
  const cut = await readClip([gate()], 3, 1.01);
  assert.deepEqual(cut.times, range(-25, 26));
  assert.equal(cut.video.at(-1)!.durationTicks, 900);
});

test("at a keyframe, or a moment before it, nothing from before is needed", async () => {
  assert.deepEqual((await readClip([gate()], 4, 1)).times, range(0, 25));
  const early = await readClip([gate()], 3.9995, 1);
  assert.equal(early.video.length, 25);
  assert.equal(early.video[0]!.dtsTicks, 45);
  assert.equal((await readClip([gate()], 3.99, 1)).video.length, 75);
});

test("sound begins with what is heard at the start; uncompressed sound is cut there", async () => {
  const { audio } = await readClip([gate({ audio: true })], 1.01, 1.01);
  assert.equal(audio[0]!.dtsTicks, 0);
  assert.equal(audio[0]!.durationTicks, 240);
  assert.equal(audio[0]!.frame[0]!.length, 240);
  assert.equal(
    audio.reduce((sum, { frame }) => sum + frame[0]!.length, 0),
    8080,
  );
  assert.equal(audio.at(-1)!.durationTicks, audio.at(-1)!.frame[0]!.length);
});

test("a run goes on over footage whose UTC was corrected", async () => {
  const run = gate();
  const [first, second] = [run.fragments.slice(0, 4), run.fragments.slice(4)];
  const drifted = { ...run, epochUtcUs: run.epochUtcUs + 60_000 };
  const { times } = await readClip(
    [
      { ...run, fragments: first },
      { ...drifted, fragments: second },
    ],
    2,
    4.06,
  );
  assert.deepEqual(times, range(0, 100));
});

test("times of a run that fall are put behind each other", async () => {
  const run = gate({ frames: [0, 100] });
  const again = gate({ startUtcUs: NOON_US + 4 * SECOND_US, frames: [0, 100] });
  assert.deepEqual((await readClip([run, again], 0, 8)).times, range(0, 200));
});

test("a gap ends the clip, or is left out", async () => {
  const run = gate({ missing: new Map([[100, 50]]) });
  const stopped = await readClip([run], 2, 60);
  assert.deepEqual(stopped.times, range(0, 50));
  assert.deepEqual(stopped.reader.next, { fromUtcUs: NOON_US + 6 * SECOND_US });
  const skipped = await readClip([run], 2, 60, { skipGaps: true });
  assert.deepEqual(skipped.times, range(0, 100));
  const next = gate({ startUtcUs: NOON_US + 100 * SECOND_US, runId: "run-2", gapBefore: "power", startTicks: 7_200_000 });
  assert.deepEqual((await readClip([run, next], 2, 200, { skipGaps: true })).times, range(0, 300));
  const ended = await readClip([gate(), next], 0, 200);
  assert.deepEqual(ended.times, range(0, 200));
  assert.deepEqual(ended.reader.next, { fromUtcUs: NOON_US + 100 * SECOND_US });
});

test("sound and picture stay together behind a gap", async () => {
  const run = gate({ audio: true });
  const next = gate({ startUtcUs: NOON_US + 100 * SECOND_US, runId: "run-2", gapBefore: "power", audio: true });
  const { video, audio } = await readClip([run, next], 0, 200, { skipGaps: true });
  assert.equal(video[200]!.dtsTicks / 90_000, audio[200]!.dtsTicks / 8000);
});

test("a start where nothing was recorded yet", async () => {
  assert.deepEqual((await readClip([gate()], -2, 4)).times, range(50, 100));
  assert.deepEqual((await readClip([gate()], -2, 4, { skipGaps: true })).times, range(0, 50));
  // Footage from before a gap does not count.
  const run = gate({ missing: new Map([[100, 50]]) });
  assert.deepEqual((await readClip([run], 5, 2)).times, range(25, 50));
  assert.deepEqual((await readClip([run], 5, 2, { skipGaps: true })).times, range(0, 25));
});

test("other parameter sets of the same picture travel with the keyframes, and stay there", async () => {
  const { tracks } = gate();
  const { parameters } = tracks[0]!;
  assert.ok(parameters.codec === "h264");
  const more = { ...parameters, pps: [...parameters.pps, Buffer.from("68ee3880", "hex")] };
  const next = (second: number, runId: string, others: MemoryRun["tracks"]): MemoryRun => {
    return { ...gate({ startUtcUs: NOON_US + second * SECOND_US, runId, gapBefore: "tracks" }), tracks: others };
  };
  const runs = [gate(), next(8, "b", [{ ...tracks[0]!, parameters: more }]), next(16, "c", tracks), next(24, "d", tracks)];
  const { times, parts } = await readClip(runs, 0, 60, { skipGaps: true });
  assert.deepEqual(times, range(0, 800));
  const sets = parts.map(({ placement }) => placement.tracks[0]!.keyframeSets.length);
  assert.deepEqual([sets[0], sets[8], sets[16], sets[31]], [0, 3, 2, 2]);
});

test("tracks that a player cannot go on with end the clip; the next one passes over what was in it", async () => {
  const wide = { ...codedRun("h264-main-b3.h264", NOON_US + 7.9 * SECOND_US), gapBefore: "tracks" as const };
  const runs = [gate(), wide];
  const { times, reader } = await readClip(runs, 0, 60, { skipGaps: true });
  assert.deepEqual(times, range(0, 200));
  assert.deepEqual(reader.next, { fromUtcUs: NOON_US + 7.9 * SECOND_US, withoutRuns: new Set(["run-1"]) });
  const second = await readClip(runs, 0, 60, { skipGaps: true, ...reader.next! });
  assert.equal(second.video.length, 50);
  assert.equal(second.reader.next, undefined);
  for (const other of [[TRACKS.h264, TRACKS.aac], [TRACKS.h265], [{ ...gate().tracks[0]!, clockRateHz: 1000 }]]) {
    const run = { ...gate({ startUtcUs: NOON_US + 8 * SECOND_US, runId: "b" }), tracks: other };
    const labels = other.map(({ parameters }) => codecProperties(parameters).label);
    assert.equal((await readClip([gate(), run], 0, 60, { skipGaps: true })).video.length, 200, labels.join());
  }
});

test("tracks that MP4 cannot store are left out; footage of nothing else is passed over", async () => {
  const klv = { kind: "data", clockRateHz: 90_000, parameters: { codec: "klv" } } as const;
  const run = gate({ audio: true });
  const { parts, audio } = await readClip([{ ...run, tracks: [run.tracks[0]!, klv] }], 0, 2);
  assert.equal(parts[0]!.placement.tracks[1], undefined);
  assert.deepEqual(audio, []);
  const silent = await readClip([run], 0, 2, { choice: "video" });
  assert.deepEqual([silent.video.length, silent.audio.length], [50, 0]);
  const data = { ...gate({ frames: [0, 50] }), tracks: [klv] };
  const nothing = await readClip([data], 0, 2);
  assert.deepEqual([nothing.parts, nothing.reader.unplayable], [[], true]);
  const later = gate({ startUtcUs: NOON_US + 2 * SECOND_US, runId: "run-2", gapBefore: "tracks" });
  assert.deepEqual((await readClip([data, later], 0, 4)).times, range(50, 100));
});

test("a group of pictures without end is not held in memory", async () => {
  const run = gate({ frames: [0, 50], fragmentFrames: 5 });
  const large = Buffer.alloc(4 * 2 ** 20);
  const fragments = run.fragments.map((fragment) => {
    return {
      ...fragment,
      samples: fragment.samples.map((track) => ({ ...track, samples: track.samples.map((sample) => ({ ...sample, frame: [large] })) })),
    };
  });
  const { parts, times } = await readClip([{ ...run, fragments }], 1.6, 1);
  assert.deepEqual(times, range(-40, 10));
  assert.ok(parts.length > 3);
  assert.ok(parts.every(({ samples }) => samples[0]!.samples.length <= 15));
});

test("an abort ends it", async () => {
  const abort = new AbortController();
  const index = new MemoryIndex({ cam: [gate()] });
  const wish = { path: "cam", fromUtcUs: NOON_US, toUtcUs: NOON_US + 60 * SECOND_US, skipGaps: false, choice: "all" } as const;
  let count = 0;
  for await (const part of new ClipReader(index, wish).parts(abort.signal)) {
    assert.ok(part.samples.length > 0);
    if (++count === 3) abort.abort();
  }
  assert.deepEqual([count, index.openReads], [3, 0]);
});

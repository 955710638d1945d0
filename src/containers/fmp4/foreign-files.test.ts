// Files that MediaMTX wrote, whole, unfinished and torn.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readFragmentedFile, samplesOf } from "#testing/mp4/whole-file.ts";
import { fragmentSpans } from "./parse-fragment.ts";
import { parseInit } from "./parse-init.ts";
import { pullFrom } from "./pull.ts";
import { nextFragment } from "./scan.ts";

const file = (name: string) => readFileSync(new URL(`testdata/mediamtx-${name}.mp4`, import.meta.url));

/** Counts as ffprobe has them; the time of the first frame as the file's name has it, in UTC. */
const FILES: readonly (readonly [name: string, codecs: string[], samples: number[], startNtp: string])[] = [
  ["h264-aac", ["h264", "aac"], [27, 38], "2026-11-22T20:21:49.434018"],
  ["h265-opus", ["h265", "opus"], [31, 158], "2026-11-22T20:21:49.782077"],
  ["h264-g711", ["h264", "lpcm"], [30, 21], "2026-11-22T20:21:49.486096"],
  ["mjpeg-lpcm", ["mjpeg", "lpcm"], [10, 18], "2026-11-22T20:21:48.929899"],
  ["killed", ["h264", "aac"], [32, 48], "2026-11-22T20:21:54.794152"],
];

for (const [name, codecs, counts, startNtp] of FILES) {
  test(`${name}: tracks, samples, times, mtxi`, () => {
    const bytes = file(name);
    const read = readFragmentedFile(bytes)!;
    const { init, fragments, places } = read;
    assert.deepEqual(
      init.tracks.map(({ parameters }) => parameters.codec),
      codecs,
    );
    assert.deepEqual(
      counts.map((_, trackIndex) => samplesOf(fragments, trackIndex).length),
      counts,
    );
    assert.equal(init.mtxi?.segmentNumber, 0);
    assert.equal(init.mtxi?.startNtpUs, Date.parse(`${startNtp.slice(0, 23)}Z`) * 1000 + Number(startNtp.slice(23)));
    for (const trackIndex of codecs.keys()) {
      const samples = samplesOf(fragments, trackIndex);
      assert.equal(samples[0]?.keyframe, true);
      assert.ok(samples.slice(1).every(({ dtsTicks }, i) => dtsTicks > samples[i]!.dtsTicks));
    }
    assert.equal(places.at(-1)!.endOffset, bytes.length);
    // MediaMTX writes the duration when it closes a file; until then it is the end of the last fragments.
    const ends = places
      .flatMap(({ moof }) => fragmentSpans(init, moof)!)
      .map((span) => span.endTicks / init.tracks[span.trackIndex]!.clockRateHz);
    const seconds = Math.max(...ends);
    if (name === "killed") assert.equal(init.durationMs, 0);
    else assert.ok(Math.abs(init.durationMs / 1000 - seconds) < 0.002, `${init.durationMs} ms, ${seconds} s`);
  });
}

test("spans are those of the samples", () => {
  const { init, places, fragments } = readFragmentedFile(file("h264-aac"))!;
  for (const [i, { moof }] of places.entries()) {
    const expected = fragments[i]!.map(({ trackIndex, samples }) => {
      const last = samples.at(-1)!;
      return { trackIndex, startTicks: samples[0]!.dtsTicks, endTicks: last.dtsTicks + last.durationTicks };
    });
    assert.deepEqual(fragmentSpans(init, moof), expected);
  }
});

test("a B-frame is shown before the frame it needs", () => {
  const { fragments } = readFragmentedFile(file("h264-aac"))!;
  const shown = samplesOf(fragments, 0).map(({ dtsTicks, ptsOffsetTicks }) => dtsTicks + ptsOffsetTicks);
  assert.deepEqual(shown.slice(0, 5), [0, 27_000, 9000, 18_000, 54_000]); // ffprobe's
});

test("every torn end leaves the whole fragments before it", () => {
  const bytes = file("killed");
  const { places } = readFragmentedFile(bytes)!;
  const last = places.at(-1)!;
  const before = places.at(-2)!;
  for (let size = before.endOffset; size < bytes.length; size += 7) {
    const torn = readFragmentedFile(bytes.subarray(0, size))!;
    assert.equal(torn.places.length, size >= last.mdatOffset ? places.length : places.length - 1);
    assert.equal(torn.places.filter(({ whole }) => whole).length, places.length - 1);
  }
});

test("samples that are whole in a torn mdat are read", () => {
  const bytes = file("killed");
  const { places, fragments } = readFragmentedFile(bytes)!;
  const last = places.at(-1)!;
  const torn = readFragmentedFile(bytes.subarray(0, last.endOffset - 1))!;
  const count = (tracks: (typeof fragments)[number]) => tracks.reduce((sum, { samples }) => sum + samples.length, 0);
  assert.equal(torn.places.at(-1)!.whole, false);
  assert.equal(count(torn.fragments.at(-1)!), count(fragments.at(-1)!) - 1);
});

test("zeros and nothing behind the last fragment are its end", () => {
  const bytes = file("killed");
  const read = readFragmentedFile(bytes)!;
  const padded = Buffer.concat([bytes, Buffer.alloc(5000)]);
  assert.equal(pullFrom(nextFragment(bytes.length, bytes.length), bytes), undefined);
  const zeros = pullFrom(nextFragment(bytes.length, padded.length), padded);
  assert.equal(zeros, undefined);
  assert.equal(readFragmentedFile(padded)!.places.length, read.places.length);
});

test("a file without its head, and one of something else, is none", () => {
  const bytes = file("h264-aac");
  const { init } = readFragmentedFile(bytes)!;
  assert.equal(readFragmentedFile(bytes.subarray(init.endOffset)), undefined);
  assert.equal(readFragmentedFile(bytes.subarray(0, init.endOffset - 1)), undefined);
  assert.equal(parseInit(Buffer.from("something else, and long enough to have a header")), undefined);
  assert.equal(readFragmentedFile(Buffer.alloc(100_000)), undefined);
});

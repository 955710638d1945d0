// Damaged files through every reader of this folder: they return, in time and within bounds, and never throw.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { TRACKS } from "#testing/mp4/tracks.ts";
import { readFragmentedFile, writeFragmentedFile } from "#testing/mp4/whole-file.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { fragmentSpans, parseMoof } from "./parse-fragment.ts";
import { parseInit } from "./parse-init.ts";
import { pullFrom } from "./pull.ts";
import { splitSample } from "./read-samples.ts";
import { nextFragment } from "./scan.ts";
import { storeTracks } from "./stored-track.ts";

const FILES = new URL("testdata/", import.meta.url);
const files = readdirSync(FILES)
  .filter((name) => name.endsWith(".mp4"))
  .map((name) => readFileSync(new URL(name, FILES)));
const ours = writeFragmentedFile(storeTracks(Object.values(TRACKS)), []);

test("damaged heads", () => {
  const heads = [...files.map((file) => file.subarray(0, readFragmentedFile(file)!.init.endOffset)), ours];
  const random = fuzzRandom(21);
  let read = 0;
  const rounds = fuzzRounds(8000);
  for (let round = rounds; round > 0; round--) {
    const bytes = mutate(heads[random(heads.length)]!, random);
    const init = parseInit(bytes);
    if (init === undefined || init.tracks.length === 0) continue;
    read++;
    assert.ok(init.endOffset <= bytes.length && init.durationOffset + init.durationFieldBytes <= bytes.length);
    assert.ok(init.durationMs >= 0 && init.tracks.every(({ clockRateHz }) => clockRateHz > 0));
    storeTracks(init.tracks);
  }
  assert.ok(read > rounds / 10, "some damage is harmless");
});

test("damaged fragments", () => {
  const parts = files.flatMap((file) => {
    const { init, places } = readFragmentedFile(file)!;
    return places.slice(0, 2).map((place) => ({ init, bytes: file.subarray(place.moofOffset, place.endOffset) }));
  });
  const random = fuzzRandom(22);
  let read = 0;
  const rounds = fuzzRounds(8000);
  for (let round = rounds; round > 0; round--) {
    const { init, bytes } = parts[random(parts.length)]!;
    // Most damage to the headers, which are short beside the media.
    const headerBytes = bytes.readUInt32BE(0) + 8;
    const damaged =
      random(4) === 0
        ? mutate(bytes, random)
        : Buffer.concat([mutate(bytes.subarray(0, headerBytes), random), bytes.subarray(headerBytes)]);
    const place = pullFrom(nextFragment(0, damaged.length), damaged);
    if (place === undefined) continue;
    assert.ok(place.endOffset > place.moofOffset && place.moof.length <= damaged.length);
    const ranges = parseMoof(init, place.moof, place.moofOffset);
    const spans = fragmentSpans(init, place.moof);
    if (ranges === undefined) continue;
    read++;
    assert.ok(ranges.reduce((sum, track) => sum + track.ranges.length, 0) <= 65_536);
    for (const { trackIndex, ranges: samples } of ranges) {
      const own = spans?.filter((span) => span.trackIndex === trackIndex) ?? [];
      const last = samples.at(-1)!;
      assert.ok(own.some(({ endTicks }) => endTicks === last.dtsTicks + last.durationTicks));
    }
  }
  assert.ok(read > rounds / 10, "some damage is harmless");
});

test("damaged files", () => {
  const random = fuzzRandom(23);
  let read = 0;
  const rounds = fuzzRounds(1000);
  for (let round = rounds; round > 0; round--) {
    const file = readFragmentedFile(mutate(files[random(files.length)]!, random));
    if (file === undefined) continue;
    read++;
    for (const { samples } of file.fragments.flat()) {
      for (const { frame } of samples) assert.ok(frame.length > 0 && frame.every(({ length }) => length > 0));
    }
  }
  assert.ok(read > rounds / 10, "some damage is harmless");
});

test("damaged samples", () => {
  const nalUnits = Buffer.from("0000000367420a00000002680c0000000465888400", "hex");
  const obus = Buffer.from("0a0b00000024cec20e1c13ad4401320410aabbcc", "hex");
  const random = fuzzRandom(24);
  for (let round = fuzzRounds(3000); round > 0; round--) {
    for (const lengthBytes of [1, 2, 4]) splitSample(mutate(nalUnits, random), { kind: "nal", lengthBytes });
    for (const lengthBytes of [2, 3]) splitSample(mutate(nalUnits, random), { kind: "pcm-swapped", lengthBytes });
    splitSample(mutate(obus, random), { kind: "obu", lengthBytes: 0 });
  }
});

test("a fragment that claims more samples than it has bytes for is none", () => {
  const { init, places } = readFragmentedFile(files[0]!)!;
  const { moof } = places[0]!;
  const trun = moof.indexOf("trun");
  const claim = (flags: number, count: number) => {
    const bytes = Buffer.from(moof);
    bytes.writeUInt32BE(0x0100_0000 + flags, trun + 4);
    bytes.writeUInt32BE(count, trun + 8);
    return parseMoof(init, bytes, 0);
  };
  assert.notEqual(claim(0x001, 65_000), undefined); // sizes and durations by default
  assert.equal(claim(0x001, 0xffff_ffff), undefined);
  assert.equal(claim(0x301, 0xffff_ffff), undefined);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { OggOpusReader } from "./ogg-opus-reader.ts";
import { checksumOf } from "./ogg-reader.ts";

const TONE = readFileSync(new URL("testdata/tone.opus", import.meta.url));

test("each packet with the sample that it begins with, as ffprobe has it", () => {
  const packets = new OggOpusReader().push(TONE);
  assert.deepEqual(
    packets.map(({ startSamples }) => startSamples),
    Array.from({ length: 26 }, (_, i) => i * 960 - 120),
  );
  assert.ok(packets.every(({ durationSamples }) => durationSamples === 960));
  assert.deepEqual([packets[0]!.bytes.length, packets[1]!.bytes.length], [118, 85]);
});

test("what was left out leaves a gap", () => {
  const second = TONE.indexOf("OggS", TONE.indexOf("OggS", 200) + 1);
  const third = TONE.indexOf("OggS", second + 1);
  const whole = new OggOpusReader().push(TONE).map(({ startSamples }) => startSamples);
  const rest = new OggOpusReader().push(Buffer.concat([TONE.subarray(0, second), TONE.subarray(third)])).map((one) => one.startSamples);
  assert.equal(rest.length, whole.length - 1);
  assert.ok(rest.every((start) => whole.includes(start)));
});

test("another codec, and a version that is not known: nothing", () => {
  for (const change of [(page: Buffer) => page.write("OpusHeax", 28), (page: Buffer) => page.writeUInt8(16, 36)]) {
    const bytes = Buffer.from(TONE);
    const page = bytes.subarray(0, bytes.indexOf("OggS", 4));
    change(page);
    page.writeUInt32LE(checksumOf(page), 22);
    assert.deepEqual(new OggOpusReader().push(bytes), []);
  }
});

test("damage of any kind: nothing thrown, and no packet without a duration", () => {
  const random = fuzzRandom(2);
  for (let round = fuzzRounds(2000); round > 0; round--) {
    const bytes = mutate(TONE, random);
    if (random(2) === 0) {
      // Damage that the checksum does not show.
      for (let at = bytes.indexOf("OggS"); at >= 0; at = bytes.indexOf("OggS", at + 4)) {
        const next = bytes.indexOf("OggS", at + 4);
        const page = bytes.subarray(at, next < 0 ? bytes.length : next);
        if (page.length >= 27) page.writeUInt32LE(checksumOf(page), 22);
      }
    }
    for (const { startSamples, durationSamples } of new OggOpusReader().push(bytes)) {
      assert.ok(Number.isFinite(startSamples) && durationSamples > 0 && durationSamples <= 5760);
    }
  }
});

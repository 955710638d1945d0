import assert from "node:assert/strict";
import { test } from "node:test";
import { SyntheticVideo } from "#testing/synthetic-track.ts";
import { ChannelChoice, onChannel } from "./channel-variants.ts";

test("a variant is made once per burst and channel, and differs in the channel only", () => {
  const burst = new SyntheticVideo().nextBurst();
  const original = Buffer.from(burst.bytes);
  const variant = onChannel(burst, 8);
  assert.equal(onChannel(burst, 8), variant);
  assert.notEqual(onChannel(burst, 10), variant);
  assert.deepEqual(burst.bytes, original);
  for (let i = 0; i < burst.count; i++) assert.equal(variant[burst.offsets[i]! + 1], 8);
  const back = Buffer.from(variant);
  for (let i = 0; i < burst.count; i++) back[burst.offsets[i]! + 1] = 0;
  assert.deepEqual(back, original);
});

test("three other channels a track and path; the fourth is answered with the canonical one until one is free", () => {
  const choice = new ChannelChoice();
  const take = (wanted: number, track = 1, path = "cam"): number => choice.take(path, track, wanted);
  assert.equal(take(2), 2);
  assert.deepEqual([take(8), take(10), take(12), take(14)], [8, 10, 12, 2]);
  assert.equal(take(10), 10, "one that is in use may be shared");
  assert.equal(take(14, 3), 14);
  assert.equal(take(14, 1, "other"), 14);
  choice.release("cam", 1, 10);
  assert.equal(take(14), 2, "one reader is left on it");
  choice.release("cam", 1, 10);
  assert.equal(take(14), 14);
  choice.release("cam", 1, 2);
  assert.equal(take(16), 2, "the canonical one takes no place");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseStampPacket, writeStampPacket } from "./stamp-packet.ts";

const STAMP = { bootId: "0f6d8c5e-1a2b-4c3d-9e8f-00112233aabb", monoUs: 5_000_000_000_123, isCameraTime: true };

test("a null packet carries the stamp", () => {
  const packet = writeStampPacket(STAMP);
  assert.equal(packet.length, 188);
  assert.equal(packet.readUInt32BE(0), 0x471fff10);
  assert.deepEqual(parseStampPacket(packet), STAMP);
});

test("another packet carries none, a damaged one neither", () => {
  const pat = Buffer.alloc(188, 0xff);
  pat.writeUInt32BE(0x47400010);
  assert.equal(parseStampPacket(pat), undefined);
  assert.equal(parseStampPacket(writeStampPacket(STAMP).subarray(0, 187)), undefined);
  assert.equal(parseStampPacket(Buffer.alloc(0)), undefined);
  const random = fuzzRandom(24);
  for (let round = fuzzRounds(4000); round > 0; round--) {
    const stamp = parseStampPacket(mutate(writeStampPacket(STAMP), random));
    if (stamp !== undefined) assert.deepEqual(stamp, STAMP);
  }
});

// MIKEY messages: our own, one of another server, and damaged ones.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseMikey, writeMikey } from "./mikey.ts";

const KEY = {
  masterKey: Buffer.from("00112233445566778899aabbccddeeff", "hex"),
  masterSalt: Buffer.from("f0f1f2f3f4f5f6f7f8f9fafbfcfd", "hex"),
  streams: [
    { ssrc: 0x12345678, rollover: 0 },
    { ssrc: 0xffffffff, rollover: 7 },
  ],
};
const NOW_MS = Date.UTC(2026, 10, 22, 16, 58, 1, 500);

/** Laid out by RFC 3830 by hand: a timestamp, a random value, a policy with the tag's length where that of the key belongs, one key. */
const FOREIGN = Buffer.from(
  "0100050001020304010000abcdef0100000002" + // header, one stream
    "0b00e9a0000080000000" + // T
    "0a10000102030405060708090a0b0c0d0e0f" + // RAND
    "010000001b000101010110020101" +
    "03010a04010e0701010801010a01010b010a" + // SP
    "000000220020001e" +
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d" +
    "00",
  "hex",
);

test("what is written is read back", () => {
  const bytes = writeMikey(KEY, NOW_MS);
  assert.deepEqual(parseMikey(bytes), KEY);
  assert.equal(bytes.readUInt32BE(10 + 18 + 2) - 2_208_988_800, Math.floor(NOW_MS / 1000));
  assert.equal(bytes[10 + 18 + 6], 0x80, "half a second");
});

test("a message of another make", () => {
  const key = parseMikey(FOREIGN)!;
  assert.deepEqual(key.streams, [{ ssrc: 0xabcdef01, rollover: 2 }]);
  assert.equal(key.masterKey.toString("hex"), "000102030405060708090a0b0c0d0e0f");
  assert.equal(key.masterSalt.toString("hex"), "101112131415161718191a1b1c1d");
  // Milestone XProtect adds a byte.
  assert.deepEqual(parseMikey(Buffer.concat([FOREIGN, Buffer.from([0])])), key);
});

test("what cannot be used", () => {
  const policyAt = FOREIGN.indexOf(Buffer.from("0001010101", "hex"), 30);
  const kemacAt = FOREIGN.length - 39;
  const changes: readonly (readonly [what: string, at: number, value: number])[] = [
    ["another version", 0, 2],
    ["public keys", 1, 3],
    ["a verification message is wanted", 3, 0x80],
    ["another map", 9, 1],
    ["AES-F8", policyAt + 2, 2],
    ["no authentication", policyAt + 8, 0],
    ["an encrypted key", kemacAt + 1, 1],
    ["a MAC", FOREIGN.length - 1, 1],
    ["a key of another kind", kemacAt + 5, 0x00],
    ["a key of another length", kemacAt + 7, 0x1d],
    ["a second key", kemacAt + 4, 20],
  ];
  for (const [what, at, value] of changes) {
    const bytes = Buffer.from(FOREIGN);
    assert.notEqual(bytes[at], value, what);
    bytes[at] = value;
    assert.equal(parseMikey(bytes), undefined, what);
  }
  for (let length = 0; length < FOREIGN.length; length++) assert.equal(parseMikey(FOREIGN.subarray(0, length)), undefined, `${length}`);
});

test("damaged messages are read or refused", () => {
  const random = fuzzRandom(51);
  const seeds = [FOREIGN, writeMikey(KEY, NOW_MS)];
  let read = 0;
  for (let round = fuzzRounds(4000); round > 0; round--) {
    const key = parseMikey(mutate(seeds[random(2)]!, random));
    if (key === undefined) continue;
    read++;
    assert.deepEqual([key.masterKey.length, key.masterSalt.length], [16, 14]);
  }
  assert.ok(read > 0);
});

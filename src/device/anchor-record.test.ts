import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { ANCHOR_FLAGS, type ClockAnchor } from "#base/clock-anchor.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { ANCHOR_BYTES, parseAnchor, writeAnchor } from "./anchor-record.ts";

const ANCHOR: ClockAnchor = {
  bootCounter: 17,
  bootId: "4a999524-645c-41ae-afd2-a71430eb9d0f",
  monoUs: 11_589_577_188,
  utcUs: 1_795_378_263_791_777,
  errorUs: 1500,
  quality: "ntp",
  flags: ANCHOR_FLAGS.start | ANCHOR_FLAGS.step,
};

test("a record is these 64 bytes", () => {
  const fields = [
    "434c4b31", // CLK1
    "11000000",
    "4a999524645c41aeafd2a71430eb9d0f",
    "e4e9cab202000000",
    "a198a613e3600600",
    "dc050000",
    "04", // ntp
    "09",
    "0000",
    "000000000000000000000000",
  ];
  const body = Buffer.from(fields.join(""), "hex");
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(body));
  assert.equal(writeAnchor(ANCHOR).toString("hex"), Buffer.concat([body, crc]).toString("hex"));
});

test("what is written is read", () => {
  for (const anchor of [
    ANCHOR,
    { ...ANCHOR, errorUs: undefined, quality: "none", utcUs: 0, monoUs: 0 } as const,
    { ...ANCHOR, monoUs: 2 ** 53 - 1 },
  ])
    assert.deepEqual(parseAnchor(writeAnchor(anchor)), anchor);
});

test("errors and times that do not fit are written as what does", () => {
  const written = parseAnchor(writeAnchor({ ...ANCHOR, errorUs: 1e12, utcUs: -5 }));
  assert.equal(written?.errorUs, undefined);
  assert.equal(written?.utcUs, 0);
});

test("a record that cannot be is none, however sound its bytes", () => {
  const sealed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = writeAnchor(ANCHOR);
    change(bytes);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
    return bytes;
  };
  assert.notEqual(parseAnchor(sealed(() => {})), undefined);
  assert.equal(parseAnchor(sealed((bytes) => bytes.writeUInt32LE(0, 4))), undefined, "no boot 0");
  assert.equal(parseAnchor(sealed((bytes) => bytes.writeUInt32LE(0x20_0000, 28))), undefined, "2^53 µs");
  assert.equal(parseAnchor(sealed((bytes) => bytes.writeUInt32LE(0x1f_ffff, 36))), undefined, "year 2255");
  assert.equal(parseAnchor(sealed((bytes) => bytes.writeUInt8(6, 44))), undefined, "no such quality");
  assert.equal(parseAnchor(sealed((bytes) => bytes.writeUInt8(0, 0))), undefined, "magic");
  assert.equal(parseAnchor(Buffer.alloc(ANCHOR_BYTES)), undefined);
  assert.equal(parseAnchor(Buffer.alloc(0)), undefined);
});

test("damage is seen", () => {
  const random = fuzzRandom(11);
  const seed = writeAnchor(ANCHOR);
  for (let round = fuzzRounds(3000); round > 0; round--) {
    const bytes = mutate(seed, random);
    if (!bytes.equals(seed)) assert.equal(parseAnchor(bytes), undefined);
  }
});

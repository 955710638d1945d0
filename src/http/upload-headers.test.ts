import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import {
  parseHeldBytes,
  parseReprDigest,
  parseRetryAfterMs,
  parseUploadRange,
  writeHeldBytes,
  writeReprDigest,
  writeUploadRange,
} from "./upload-headers.ts";

const SHA256 = createHash("sha256").update("a clip").digest("hex");

test("ranges and digests are read as they are written", () => {
  assert.equal(writeUploadRange({ part: { start: 0, end: 10 }, sizeBytes: 25 }), "bytes 0-9/25");
  assert.equal(writeUploadRange({ part: undefined, sizeBytes: 25 }), "bytes */25");
  for (const range of [
    { part: { start: 10, end: 25 }, sizeBytes: 25 },
    { part: undefined, sizeBytes: 0 },
  ])
    assert.deepEqual(parseUploadRange(writeUploadRange(range)), range);
  assert.deepEqual([writeHeldBytes(0), writeHeldBytes(10)], [undefined, "bytes=0-9"]);
  assert.deepEqual([parseHeldBytes(undefined), parseHeldBytes("bytes=0-9"), parseHeldBytes("bytes=0-0")], [0, 10, 1]);
  assert.equal(parseReprDigest(writeReprDigest(SHA256)), SHA256);
  assert.equal(parseReprDigest(`md5=:AAAA:, ${writeReprDigest(SHA256)}`), SHA256);
});

test("what is none is refused", () => {
  for (const text of ["", "bytes", "bytes 5-4/10", "bytes 0-10/10", "bytes 0-9/*", "bytes -9/10", "items 0-9/10", "bytes 0-9/10, 20-29/30"])
    assert.equal(parseUploadRange(text), undefined, text);
  for (const text of ["", "bytes=5-9", "bytes=0-", "0-9", "bytes=0-9,20-29", `bytes=0-${"9".repeat(20)}`])
    assert.equal(parseHeldBytes(text), undefined, text);
  for (const text of [undefined, "", "sha-256=abc", "sha-256=:AAAA:", `sha-512=:${"A".repeat(43)}=:`, `xsha-256=:${"A".repeat(43)}=:`])
    assert.equal(parseReprDigest(text), undefined, text);
});

test("how long to wait: seconds or a date, an hour at most", () => {
  const nowMs = Date.parse("2026-03-01T12:00:00Z");
  const waits = ["0", "7", "99999", "Sun, 01 Mar 2026 12:00:30 GMT", "Sun, 01 Mar 2026 11:00:00 GMT", "soon", "-5", undefined];
  assert.deepEqual(
    waits.map((header) => parseRetryAfterMs(header, nowMs)),
    [0, 7000, 3_600_000, 30_000, 0, undefined, undefined, undefined],
  );
});

test("damaged headers never throw, and make no sense that is not there", () => {
  const random = fuzzRandom(5);
  const seeds = ["bytes 0-1048575/25165824", "bytes */25165824", "bytes=0-1048575", writeReprDigest(SHA256)].map((text) =>
    Buffer.from(text),
  );
  for (let round = fuzzRounds(2000); round > 0; round--) {
    const text = mutate(seeds[random(seeds.length)]!, random).toString("latin1");
    const range = parseUploadRange(text);
    if (range?.part !== undefined) assert.ok(range.part.start < range.part.end && range.part.end <= range.sizeBytes, text);
    const held = parseHeldBytes(text);
    assert.ok(held === undefined || Number.isSafeInteger(held), text);
    const digest = parseReprDigest(text);
    assert.ok(digest === undefined || /^[0-9a-f]{64}$/.test(digest), text);
    const waitMs = parseRetryAfterMs(text, 0);
    assert.ok(waitMs === undefined || (waitMs >= 0 && waitMs <= 3_600_000), text);
  }
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate, type Random } from "#testing/mutate.ts";
import { checksumOf, type OggPage, OggReader } from "./ogg-reader.ts";

const TONE = readFileSync(new URL("testdata/tone.opus", import.meta.url));

/** A page of segments as they are; `sizes` are the segment table. */
function pageOf(sizes: readonly number[], body: Buffer, { serial = 1, flags = 0, granule = 0n } = {}): Buffer {
  const page = Buffer.concat([Buffer.from("OggS\0"), Buffer.alloc(21), Buffer.of(sizes.length, ...sizes), body]);
  page[5] = flags;
  page.writeBigInt64LE(granule, 6);
  page.writeUInt32LE(serial, 14);
  page.writeUInt32LE(checksumOf(page), 22);
  return page;
}

function pushed(bytes: Buffer, chunkBytes: number): OggPage[] {
  const reader = new OggReader();
  const pages: OggPage[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) pages.push(...reader.push(bytes.subarray(at, at + chunkBytes)));
  return pages;
}

const packetsIn = (pages: readonly OggPage[]): Buffer[] => pages.flatMap(({ packets }) => packets);
const bytesOf = (length: number, value: number): Buffer => Buffer.alloc(length, value);

test("an encoder's pages, however they are cut", () => {
  const pages = pushed(TONE, TONE.length);
  assert.equal(pages.length, 28);
  assert.deepEqual([pages[0]!.isFirst, pages[1]!.isFirst, pages.at(-1)!.isLast], [true, false, true]);
  assert.deepEqual(
    pages.slice(2, 5).map(({ granule }) => granule),
    [960, 1920, 2880],
  );
  for (const chunkBytes of [1, 7, 100, 1000]) assert.deepEqual(pushed(TONE, chunkBytes), pages);
});

test("packets that go on over pages, and one of a multiple of 255 bytes", () => {
  const stream = Buffer.concat([
    pageOf([10, 255], Buffer.concat([bytesOf(10, 1), bytesOf(255, 2)]), { granule: 5n }),
    pageOf([255], bytesOf(255, 2), { flags: 1, granule: -1n }),
    pageOf([0, 255, 0], bytesOf(255, 3), { flags: 1, granule: 7n }),
  ]);
  const pages = pushed(stream, 50);
  assert.deepEqual(packetsIn(pages), [bytesOf(10, 1), bytesOf(510, 2), bytesOf(255, 3)]);
  assert.deepEqual(
    pages.map(({ granule }) => granule),
    [5, undefined, 7],
  );
});

test("a packet whose beginning or end is missing is left out", () => {
  const beginning = pageOf([255], bytesOf(255, 1));
  const end = pageOf([5, 6], Buffer.concat([bytesOf(5, 1), bytesOf(6, 2)]), { flags: 1 });
  const other = pageOf([4], bytesOf(4, 3), { serial: 2 });
  assert.deepEqual(packetsIn(pushed(end, 1000)), [bytesOf(6, 2)]);
  assert.deepEqual(packetsIn(pushed(Buffer.concat([beginning, other, end]), 1000)), [bytesOf(4, 3), bytesOf(6, 2)]);
  const orphan = pageOf([255], bytesOf(255, 9), { flags: 1 });
  assert.deepEqual(packetsIn(pushed(Buffer.concat([orphan, end]), 1000)), [bytesOf(6, 2)]);
});

test("a damaged page is left out, and what is no page is passed over", () => {
  const broken = pageOf([4], bytesOf(4, 1));
  broken[29]! ^= 1;
  const stream = Buffer.concat([Buffer.from("OgOggS"), broken, pageOf([4], bytesOf(4, 2)), Buffer.from("Og")]);
  assert.deepEqual(packetsIn(pushed(stream, 1000)), [bytesOf(4, 2)]);
});

test("a packet without end is given up", () => {
  const page = pageOf(Array(255).fill(255), bytesOf(65_025, 1), { flags: 1, granule: -1n });
  const reader = new OggReader();
  reader.push(pageOf([255], bytesOf(255, 1)));
  for (let i = 0; i < 100; i++) assert.deepEqual(packetsIn(reader.push(page)), []);
  assert.deepEqual(packetsIn(reader.push(pageOf([1, 2], bytesOf(3, 7), { flags: 1 }))), [bytesOf(2, 7)]);
});

test("damage of any kind: nothing thrown, and no packet that was not sent once the pages are whole again", () => {
  const random: Random = fuzzRandom(1);
  const sent = packetsIn(pushed(TONE, TONE.length));
  for (let round = fuzzRounds(2000); round > 0; round--) {
    const reader = new OggReader();
    const bytes = mutate(TONE, random);
    const first = random(bytes.length + 1);
    for (const chunk of [bytes.subarray(0, first), bytes.subarray(first)]) reader.push(chunk);
    // What was left open waits for at most one page.
    reader.push(bytesOf(65_307 + 4, 0));
    assert.deepEqual(packetsIn(reader.push(TONE)).slice(1), sent.slice(1));
  }
});

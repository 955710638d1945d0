import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { type LogRecord, parseRecord, RECORD_HEADER_BYTES, writeRecord } from "./log-record.ts";

const RECORDS: readonly LogRecord[] = [
  { id: 1, class: 0, isDone: false, payload: Buffer.from('{"type":"cam.lost"}') },
  { id: 2 ** 40 + 7, class: 2, isDone: false, payload: Buffer.alloc(0) },
  { id: 1, class: 1, isDone: true, payload: Buffer.alloc(0) },
];

test("records one after the other", () => {
  const bytes = Buffer.concat(RECORDS.map(writeRecord));
  let offset = 0;
  for (const record of RECORDS) {
    assert.deepEqual(parseRecord(bytes, offset), record);
    offset += RECORD_HEADER_BYTES + record.payload.length;
  }
  assert.equal(offset, bytes.length);
  assert.equal(parseRecord(bytes, offset), undefined);
});

test("a record that is torn anywhere is none", () => {
  const bytes = writeRecord(RECORDS[0]!);
  for (let length = 0; length < bytes.length; length++) assert.equal(parseRecord(bytes.subarray(0, length), 0), undefined);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const bent = Buffer.from(bytes);
    bent[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(parseRecord(bent, 0), undefined, `bit ${bit}`);
  }
});

test("damage never throws", () => {
  const random = fuzzRandom(0x6f75_7462);
  const seed = Buffer.concat(RECORDS.map(writeRecord));
  for (let round = fuzzRounds(1000); round > 0; round--) {
    const bytes = mutate(seed, random);
    for (let offset = 0; offset < bytes.length; offset += 7) parseRecord(bytes, offset);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { REORDER_TCP, REORDER_UDP, ReorderBuffer, type ReorderLimits } from "./reorder.ts";

function packet(sequence: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes[0] = 0x80;
  bytes.writeUInt16BE(sequence & 0xffff, 2);
  return bytes;
}

function setUp(limits: ReorderLimits) {
  const seen: string[] = [];
  const buffer = new ReorderBuffer(limits, (bytes, start, _end, _arrivalUs, lost) =>
    seen.push(`${bytes.readUInt16BE(start + 2)}${lost > 0 ? `-${lost}` : ""}`),
  );
  let nowUs = 0;
  const push = (...sequences: number[]): void => {
    for (const sequence of sequences) {
      nowUs += 1000;
      buffer.push(packet(sequence), 0, 12, nowUs);
    }
  };
  return { seen, buffer, push };
}

test("packets in order pass at once, over the wrap of the numbers", () => {
  const { seen, buffer, push } = setUp(REORDER_UDP);
  push(65534, 65535, 0, 1);
  assert.deepEqual(seen, ["65534", "65535", "0", "1"]);
  assert.equal(buffer.lost, 0);
  assert.equal(buffer.highestExtended, 65536 + 1);
});

test("a swapped pair comes out in order, over the wrap", () => {
  const { seen, buffer, push } = setUp(REORDER_UDP);
  push(65534, 0, 65535, 2, 1, 3);
  assert.deepEqual(seen, ["65534", "65535", "0", "1", "2", "3"]);
  assert.equal(buffer.waiting, false);
});

test("duplicates and packets of the past are counted and dropped", () => {
  const { seen, buffer, push } = setUp(REORDER_UDP);
  push(1, 2, 2, 4, 4, 1, 3);
  assert.deepEqual(seen, ["1", "2", "3", "4"]);
  assert.deepEqual([buffer.duplicates, buffer.late, buffer.lost], [1, 2, 0]);
});

test("a gap is given up after 100 ms, or when 64 packets wait behind it", () => {
  const byTime = setUp(REORDER_UDP);
  byTime.push(1, 3, 4);
  assert.deepEqual(byTime.seen, ["1"]);
  byTime.buffer.expire(50_000);
  assert.deepEqual(byTime.seen, ["1"]);
  byTime.buffer.expire(200_000);
  assert.deepEqual(byTime.seen, ["1", "3-1", "4"]);
  assert.equal(byTime.buffer.lost, 1);

  const byCount = setUp(REORDER_UDP);
  byCount.push(1, ...Array.from({ length: 64 }, (_, i) => 3 + i));
  assert.equal(byCount.seen.length, 1);
  byCount.push(67);
  assert.equal(byCount.seen.length, 66);
  assert.equal(byCount.seen[1], "3-1");
});

test("over TCP a gap is a loss at once", () => {
  const { seen, buffer, push } = setUp(REORDER_TCP);
  push(10, 13, 14);
  assert.deepEqual(seen, ["10", "13-2", "14"]);
  assert.equal(buffer.lost, 2);
});

test("a new numbering is believed at its second packet; a stray is not", () => {
  const { seen, buffer, push } = setUp(REORDER_UDP);
  push(1, 2, 30000, 3, 30001, 30002, 30003);
  assert.deepEqual(seen, ["1", "2", "3", "30001", "30002", "30003"]);
  assert.equal(buffer.restarts, 1);
});

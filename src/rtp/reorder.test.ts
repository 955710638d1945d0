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

test("a long gap is believed at the second packet behind it, and a stray far ahead is not", () => {
  for (const limits of [REORDER_TCP, REORDER_UDP]) {
    const { seen, buffer, push } = setUp(limits);
    push(1, 2, 700, 3, 2000, 4, 1004, 1005);
    assert.deepEqual(seen, ["1", "2", "3", "4", "1004-999", "1005"]);
    assert.deepEqual([buffer.lost, buffer.late, buffer.restarts], [999, 2, 0]);
  }
});

test("numbers that begin anew a little lower are late packets over UDP, until there are too many of them", () => {
  const { seen, buffer, push } = setUp(REORDER_UDP);
  push(1000, ...Array.from({ length: 65 }, (_, i) => 500 + i));
  assert.deepEqual(seen, ["1000"]);
  push(565);
  assert.deepEqual(
    seen.slice(1),
    Array.from({ length: 66 }, (_, i) => String(500 + i)),
  );
  assert.deepEqual([buffer.lost, buffer.late, buffer.restarts], [0, 0, 1]);
});

test("another sender's packets may have any number", () => {
  const { seen, buffer, push } = setUp(REORDER_UDP);
  push(1000, 1002);
  buffer.restart(2000);
  push(990, 991);
  assert.deepEqual(seen, ["1000", "1002-1", "990", "991"]);
  assert.ok(buffer.highestExtended > 65_536);
});

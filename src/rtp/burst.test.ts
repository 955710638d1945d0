import assert from "node:assert/strict";
import { test } from "node:test";
import { BurstBuilder, FRAMING_BYTES, payloadEnd, payloadStart, RTP_HEADER_BYTES, sequenceOf } from "./burst.ts";

function packet(sequence: number, payloadBytes: number): Buffer {
  const bytes = Buffer.alloc(RTP_HEADER_BYTES + payloadBytes, sequence);
  bytes[0] = 0x80;
  bytes.writeUInt16BE(sequence, 2);
  return bytes;
}

test("a slab grows as packets come, and keeps them framed one after the other", () => {
  const builder = new BurstBuilder(4, 0);
  const packets = Array.from({ length: 40 }, (_, i) => packet(i, 100 + i));
  for (const one of packets) builder.copy(one, 0, one.length);
  const burst = builder.finish();
  assert.equal(burst.count, 40);
  for (const [i, one] of packets.entries()) {
    const start = burst.offsets[i]!;
    assert.deepEqual([...burst.bytes.subarray(start, start + 4)], [0x24, 4, 0, one.length]);
    assert.ok(burst.bytes.subarray(start + FRAMING_BYTES, burst.offsets[i + 1]).equals(one));
    assert.equal(sequenceOf(burst, i), i);
  }
  assert.equal(burst.offsets[40], burst.bytes.length);
});

test("a slab that is mostly empty is not kept", () => {
  const builder = new BurstBuilder(0, 150_000);
  builder.copy(packet(1, 1000), 0, 1000 + RTP_HEADER_BYTES);
  const { bytes } = builder.finish();
  assert.equal(bytes.buffer.byteLength, bytes.length);
});

test("a packet that is made has its header but for what the stream stamps", () => {
  const builder = new BurstBuilder(0, 0);
  const at = builder.add(3, true, 160);
  builder.bytes.fill(7, at, at + 3);
  const { bytes } = builder.finish();
  assert.deepEqual([bytes[4], bytes[5]! & 0x80, bytes.readUInt32BE(8), bytes[at]], [0x80, 0x80, 160, 7]);
});

test("the payload lies behind CSRCs and extension, and before the padding", () => {
  const bytes = Buffer.alloc(40);
  bytes[0] = 0x80 | 0x20 | 0x10 | 2; // padding, extension, two CSRCs
  bytes.writeUInt16BE(1, 12 + 8 + 2); // one word of extension
  bytes[39] = 4;
  assert.deepEqual([payloadStart(bytes, 0, 40), payloadEnd(bytes, 0, 40)], [12 + 8 + 4 + 4, 36]);
  bytes.writeUInt16BE(0xffff, 12 + 8 + 2);
  assert.equal(payloadStart(bytes, 0, 40), 40);
});

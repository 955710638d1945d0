import assert from "node:assert/strict";
import { test } from "node:test";
import { type AssembledFrame, FrameAssembler } from "./frame-assembler.ts";
import { PacketHas, type PayloadFormat } from "./payload/payload-format.ts";

/** A format whose payload's first byte is its `PacketHas` bits. */
const spoken: PayloadFormat = {
  codec: "h264",
  frameEnd: "marker",
  inspect: (bytes, start) => bytes[start]!,
  depacketize: () => undefined,
  packetize: () => {},
};

function packet(timestamp: number, marker: boolean, flags: number): Buffer {
  const bytes = Buffer.alloc(13);
  bytes[0] = 0x80;
  bytes[1] = (marker ? 0x80 : 0) | 96;
  bytes.writeUInt32BE(timestamp, 4);
  bytes[12] = flags;
  return bytes;
}

function setUp(format = spoken) {
  const frames: AssembledFrame[] = [];
  const assembler = new FrameAssembler(format, 2, (frame) => frames.push(frame));
  const push = (timestamp: number, marker: boolean, flags: number, lost = 0): void =>
    assembler.push(packet(timestamp, marker, flags), 0, 13, 1, lost);
  return { frames, assembler, push };
}

test("a marker on a parameter set does not end the frame, one on a slice does", () => {
  const { frames, push } = setUp();
  push(1000, true, PacketHas.parameters);
  push(1000, true, PacketHas.parameters);
  push(1000, false, PacketHas.slice | PacketHas.keyframe);
  assert.equal(frames.length, 0);
  push(1000, true, PacketHas.slice | PacketHas.keyframe);
  assert.equal(frames.length, 1);
  const [frame] = frames;
  assert.equal(frame?.burst.count, 4);
  assert.deepEqual([frame?.keyframe, frame?.damaged, frame?.hasParameters], [true, false, true]);
});

test("parameter sets with a time of their own join the slice that follows", () => {
  const { frames, push } = setUp();
  push(900, false, PacketHas.parameters);
  push(1000, true, PacketHas.slice);
  assert.equal(frames.length, 1);
  assert.equal(frames[0]?.timestamp, 1000);
});

test("without a marker the next timestamp ends the frame", () => {
  const { frames, push } = setUp();
  push(1000, false, PacketHas.slice);
  push(4000, false, PacketHas.slice);
  assert.deepEqual(
    frames.map((frame) => [frame.timestamp, frame.damaged]),
    [[1000, false]],
  );
});

test("a loss damages the frame it falls into, and no other", () => {
  const { frames, push } = setUp();
  push(1000, false, PacketHas.slice);
  push(1000, true, PacketHas.slice, 1);
  push(4000, true, PacketHas.slice);
  push(7000, true, PacketHas.slice, 2);
  assert.deepEqual(
    frames.map((frame) => frame.damaged),
    [true, false, true],
  );
});

test("the burst is framed for interleaved transport", () => {
  const { frames, push } = setUp();
  push(1000, false, PacketHas.slice);
  push(1000, true, PacketHas.slice);
  const { bytes, offsets, count } = frames[0]!.burst;
  assert.equal(count, 2);
  assert.deepEqual([...offsets.subarray(0, 3)], [0, 17, 34]);
  assert.deepEqual([...bytes.subarray(0, 4)], [0x24, 2, 0, 13]);
  assert.deepEqual(bytes.subarray(4, 17), packet(1000, false, PacketHas.slice));
});

test("a frame of too many packets is closed damaged", () => {
  const { frames, push } = setUp();
  for (let i = 0; i < 5000; i++) push(1000, false, PacketHas.slice);
  assert.equal(frames.length, 1);
  assert.equal(frames[0]?.burst.count, 4096);
  assert.equal(frames[0]?.damaged, true);
});

test("formats without a marker make a frame of each packet", () => {
  const { frames, push } = setUp({ ...spoken, frameEnd: "packet" });
  push(1, false, 1);
  push(2, false, 1);
  assert.equal(frames.length, 2);
});

test("a payload that says so ends the frame, with a marker and without", () => {
  for (const frameEnd of ["marker", "payload"] as const) {
    const { frames, push } = setUp({ ...spoken, frameEnd });
    push(1000, false, PacketHas.slice | PacketHas.end);
    push(2000, false, PacketHas.slice);
    assert.equal(frames.length, 1);
    push(2000, false, PacketHas.slice | PacketHas.end);
    assert.deepEqual(
      frames.map(({ burst }) => burst.count),
      [1, 2],
    );
  }
});

test("where the marker means something else, the next timestamp ends the frame", () => {
  const { frames, push } = setUp({ ...spoken, frameEnd: "payload" });
  push(1000, true, PacketHas.slice);
  push(1000, false, PacketHas.slice);
  assert.equal(frames.length, 0);
  push(2000, true, PacketHas.slice);
  assert.deepEqual([frames[0]?.burst.count, frames[0]?.damaged], [2, false]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { PayloadFormat } from "./payload/payload-format.ts";
import { REORDER_UDP } from "./reorder.ts";
import { parseRtcp, writeSenderReport } from "./rtcp.ts";
import { type ReceivedFrame, TrackReceiver } from "./track-receiver.ts";

const everyPacket: PayloadFormat = {
  codec: "g711",
  frameEnd: "packet",
  inspect: () => 1,
  depacketize: () => undefined,
  packetize: () => {},
};

function setUp() {
  const frames: ReceivedFrame[] = [];
  const receiver = new TrackReceiver({
    format: everyPacket,
    channel: 0,
    clockRateHz: 8000,
    reorder: REORDER_UDP,
    onFrame: (frame) => frames.push(frame),
  });
  const send = (sequence: number, timestamp: number, atUs: number, ssrc = 77): void => {
    const bytes = Buffer.alloc(14);
    bytes[0] = 0x80;
    bytes.writeUInt16BE(sequence, 2);
    bytes.writeUInt32BE(timestamp, 4);
    bytes.writeUInt32BE(ssrc, 8);
    receiver.onRtp(bytes, 0, bytes.length, atUs);
  };
  return { frames, receiver, send };
}

test("ticks count from the first packet over the wrap of the timestamp", () => {
  const { frames, send } = setUp();
  send(1, 0xffff_ff60, 0);
  send(2, 0, 20_000);
  send(3, 160, 40_000);
  assert.deepEqual(
    frames.map((frame) => frame.ticks),
    [0, 160, 320],
  );
});

test("the receiver report tells loss, jitter and the sender report it saw", () => {
  const { receiver, send } = setUp();
  for (let i = 0; i < 20; i++) if (i % 4 !== 3) send(i, i * 160, i * 20_000);
  receiver.expire(1_000_000);
  const sr = writeSenderReport({ ssrc: 77, utcUs: 1e15, timestamp: 0, packets: 1, octets: 1 });
  receiver.onRtcp(sr, 0, sr.length, 1_000_000);
  const bytes = receiver.writeReport(5, 1_500_000);
  const [report] = parseRtcp(bytes, 0, bytes.length);
  assert.equal(report?.kind, "receiver-report");
  if (report?.kind !== "receiver-report") return;
  const block = report.reports[0]!;
  assert.equal(block.ssrc, 77);
  assert.equal(block.cumulativeLost, 4);
  assert.equal(block.fractionLost, Math.floor((4 * 256) / 19));
  assert.equal(block.highestSequence, 18);
  assert.equal(block.jitter, 0);
  assert.equal(block.delaySinceLast, 32_768);
  assert.equal(block.lastSenderReport, sr.readUInt32BE(10));
  assert.equal(receiver.lost, 4);
});

test("what is no RTP is counted and dropped", () => {
  const { frames, receiver } = setUp();
  for (const bytes of [Buffer.alloc(4), Buffer.alloc(12), Buffer.from("80c8000100000001000000000000", "hex")]) {
    receiver.onRtp(bytes, 0, bytes.length, 0);
  }
  assert.equal(receiver.counters.inError, 3);
  assert.equal(frames.length, 0);
});

test("single packets of another SSRC are dropped; three in a row make it the track's, and none of them is lost", () => {
  const { frames, receiver, send } = setUp();
  for (let i = 0; i < 3; i++) {
    send(10 + i, i * 160, i * 20_000);
    send(500 + i, 0, i * 20_000, 99);
  }
  assert.deepEqual([frames.length, receiver.ssrc, receiver.counters.inError], [3, 77, 2]);
  for (let i = 3; i < 6; i++) send(500 + i, i * 160, i * 20_000, 99);
  assert.deepEqual([frames.length, receiver.ssrc, receiver.counters.inError, receiver.lost], [7, 99, 2, 0]);
});

test("the timestamps of a sender that takes over go on from those before by the time that passed", () => {
  const { frames, send } = setUp();
  for (let i = 0; i < 3; i++) send(10 + i, i * 160, i * 20_000);
  for (let i = 3; i < 7; i++) send(500 + i, 1_000_000 + i * 160, i * 20_000, 99);
  assert.deepEqual(
    frames.map(({ ticks }) => ticks),
    [0, 160, 320, 480, 640, 800, 960],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { RtpIngest } from "#relay/rtp-ingest.ts";
import type { Unit } from "#relay/unit.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";
import { ClipMedia, clipSdp, isIntact, stampOf } from "./clip-media.ts";
import { FakeClock } from "./fake-clock.ts";
import { readFrameStamp, writeFrameStamp } from "./frame-stamp.ts";
import { burstOf } from "./rtp-capture.ts";
import { syntheticTrack } from "./synthetic-track.ts";

const depacketize = (packets: readonly Buffer[]): readonly Buffer[] =>
  payloadFormatOf("h264").depacketize(burstOf(packets), syntheticTrack().parameters)!;

test("a stamp is read back as it was written, and holds no byte that an encoder would have to escape", () => {
  for (const stamp of [
    { number: 0, captureUs: 0, clipFrame: 0 },
    { number: 2 ** 32 - 1, captureUs: 2 ** 51, clipFrame: 499 },
  ]) {
    const nal = writeFrameStamp(stamp);
    assert.deepEqual(readFrameStamp(nal), stamp);
    assert.ok(!nal.includes(0));
  }
  assert.equal(readFrameStamp(Buffer.from("0605100000", "hex")), undefined);
  assert.equal(readFrameStamp(writeFrameStamp({ number: 1, captureUs: 2, clipFrame: 3 }).subarray(0, 30)), undefined);
});

test("every connection begins with a keyframe, numbered by the camera's frames; slices are the clip's", () => {
  const clock = new FakeClock(5_000_000);
  const media = new ClipMedia({ clock });
  for (const frame of [120, 121, 170, 120 + 500]) {
    clock.passMs(40);
    const nals = depacketize(media.next(frame).map(({ bytes }) => bytes));
    const stamp = stampOf(nals)!;
    assert.deepEqual(stamp, { number: frame, captureUs: clock.nowUs(), clipFrame: (frame - 120) % 500 });
    assert.ok(isIntact(nals, stamp));
    assert.equal(
      nals.some((nal) => (nal[0]! & 0x1f) === 5),
      (frame - 120) % 50 === 0,
    );
  }
});

test("what is changed or missing is not intact", () => {
  const media = new ClipMedia({ clock: new FakeClock() });
  const packets = media.next(0).map(({ bytes }) => bytes);
  const nals = depacketize(packets);
  const stamp = stampOf(nals)!;
  assert.ok(packets.length > 2, "the keyframe takes several packets");
  packets.at(-1)![100]! ^= 1;
  assert.equal(isIntact(depacketize(packets), stamp), false);
  assert.equal(isIntact(depacketize(packets.slice(0, -1)), stamp), false);
});

test("sequence numbers and timestamps wrap, sound goes along", () => {
  const media = new ClipMedia({ clock: new FakeClock(), audio: true, firstSequence: 65_535, firstTimestamp: 2 ** 32 - 3600 });
  const [first, second] = [media.next(0), media.next(1)];
  const of = (packets: typeof first, track: number) => packets.filter((packet) => packet.track === track).map(({ bytes }) => bytes);
  assert.deepEqual([of(first, 0)[0]!.readUInt16BE(2), of(first, 0)[1]!.readUInt16BE(2)], [65_535, 0]);
  assert.deepEqual([of(first, 0)[0]!.readUInt32BE(4), of(second, 0)[0]!.readUInt32BE(4)], [2 ** 32 - 3600, 0]);
  assert.deepEqual([of(second, 1)[0]!.readUInt16BE(2), of(second, 1)[0]!.readUInt32BE(4), of(second, 1)[0]!.length], [1, 320, 12 + 320]);
});

test("the SDP names the sets, the sound, or neither", () => {
  assert.match(clipSdp(), /sprop-parameter-sets=Z/);
  assert.doesNotMatch(clipSdp({ describedSets: false }), /sprop/);
  assert.match(clipSdp({ audio: true }), /m=audio 0 RTP\/AVP 8/);
});

test("a gateway's ingest takes it as one unit a frame", () => {
  const units: Unit[] = [];
  const clock = new FakeClock();
  const ingest = new RtpIngest({
    tracks: [syntheticTrack({ described: false })],
    sink: { ready: () => (unit) => void units.push(unit) },
    reorder: { packets: 0, waitUs: 0 },
    repairTime: true,
    senderClocks: () => ({ last: undefined }),
    nowUs: () => clock.nowUs(),
  });
  ingest.start();
  const media = new ClipMedia({ clock });
  for (let frame = 0; frame < 60; frame++) {
    clock.passMs(40);
    for (const { bytes } of media.next(frame)) ingest.onPacket(0, false, bytes, 0, bytes.length);
  }
  ingest.stop();
  assert.deepEqual(
    units.map(({ packets, keyframe, damaged }) => [
      stampOf(payloadFormatOf("h264").depacketize(packets!, units[0]!.track.parameters)!)!.number,
      keyframe,
      damaged,
    ]),
    Array.from({ length: 60 }, (_, i) => [i, i % 50 === 0, false]),
  );
});

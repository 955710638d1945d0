import assert from "node:assert/strict";
import { test } from "node:test";
import { H264NalType, h264NalType } from "#codecs/h264/nal.ts";
import { payloadFormatOf } from "#rtp/payload/formats.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { SYNTHETIC_SETS, SyntheticVideo, type SyntheticVideoOptions, syntheticTrack } from "#testing/synthetic-track.ts";
import { packetUnit, sequencesOf, UnitTap } from "#testing/unit-tap.ts";
import { GopMemory } from "./gop-cache.ts";
import { largestPacket, SMALL_PACKET_BYTES } from "./small-packets.ts";
import { Stream } from "./stream.ts";
import type { Unit } from "./unit.ts";

const track = syntheticTrack();

/** A reader as WebRTC's is. */
class SmallTap extends UnitTap {
  readonly smallPackets = true;
}

function setUp(video: SyntheticVideoOptions = {}, { gop = false } = {}) {
  const clock = new FakeClock();
  const stream = new Stream([track], "packets", { clock, udpMaxPayloadBytes: 1452, gopMemory: new GopMemory() });
  stream.cacheGop(gop);
  const publish = stream.begin([track], "packets");
  const camera = new SyntheticVideo(video);
  const frames = (count: number): void => {
    for (let i = 0; i < count; i++) {
      clock.us += 40_000;
      publish(packetUnit(camera, track, clock.us));
    }
  };
  return { stream, frames };
}

function assertContinuous(units: readonly Unit[]): void {
  const sequences = units.flatMap((unit) => sequencesOf(unit.packets!));
  for (const [i, sequence] of sequences.entries()) if (i > 0) assert.equal(sequence, (sequences[i - 1]! + 1) & 0xffff, `packet ${i}`);
}

test("packets that are small enough are shared with everybody, as they came", () => {
  const { stream, frames } = setUp({ maxPacketBytes: 1100 });
  const [all, small] = [new UnitTap(), new SmallTap()];
  stream.addReader(all);
  stream.addReader(small);
  frames(20);
  assert.equal(small.units.length, 20);
  for (const [i, unit] of small.units.entries()) assert.equal(unit.packets, all.units[i]!.packets);
});

test("from the first large packet on they are made here, once for all such readers, and numbered on", () => {
  const { stream, frames } = setUp({ maxPacketBytes: 1400, gopFrames: 10 });
  const [all, one, other] = [new UnitTap(), new SmallTap(), new SmallTap()];
  for (const reader of [all, one, other]) stream.addReader(reader);
  frames(25);
  assert.equal(one.units.length, 25);
  for (const [i, unit] of one.units.entries()) {
    assert.ok(largestPacket(unit.packets!) <= SMALL_PACKET_BYTES);
    assert.equal(unit.packets, other.units[i]!.packets);
    assert.equal(unit.ptsTicks, all.units[i]!.ptsTicks);
    assert.equal(unit.packets!.bytes.readUInt32BE(8), all.units[i]!.packets!.bytes.readUInt32BE(8), "the same timestamps");
  }
  assert.ok(largestPacket(all.units[0]!.packets!) > SMALL_PACKET_BYTES);
  assertContinuous(one.units);
  assertContinuous(all.units);
});

test("the open GOP comes in small packets too, and goes on without a gap", () => {
  const { stream, frames } = setUp({ maxPacketBytes: 1400, gopFrames: 50 }, { gop: true });
  frames(30);
  const late = new SmallTap();
  stream.addReader(late);
  assert.equal(late.units.length, 30);
  frames(5);
  assert.equal(late.units.length, 35);
  for (const { packets } of late.units) assert.ok(largestPacket(packets!) <= SMALL_PACKET_BYTES);
  assertContinuous(late.units);
  const later = new SmallTap();
  stream.addReader(later);
  assert.equal(later.units.length, 35);
  stream.removeReader(late);
  stream.removeReader(later);
  frames(3);
  stream.addReader(new SmallTap());
});

test("who comes later gets the packets that were made for the first, under numbers and times of its own; the next GOP has its own", () => {
  const { stream, frames } = setUp({ maxPacketBytes: 1400, gopFrames: 50 }, { gop: true });
  frames(30);
  const [first, second, third] = [new SmallTap(), new SmallTap(), new SmallTap()];
  stream.addReader(first);
  const given = first.packets.map((packet) => packet.toString("hex"));
  frames(5);
  stream.addReader(second);
  for (let i = 0; i < 30; i++) assert.equal(second.units[i]!.packets!.bytes, first.units[i]!.packets!.bytes);
  assert.deepEqual(
    first.packets.slice(0, given.length).map((packet) => packet.toString("hex")),
    given,
    "what the first has stays as it was",
  );
  const times = second.packets.map((packet) => packet.readUInt32BE(4));
  const newest = first.packets.at(-1)!.readUInt32BE(4);
  assert.deepEqual(
    [...new Set(times)],
    Array.from({ length: 35 }, (_, i) => (newest - 34 + i) >>> 0),
  );
  frames(20);
  assertContinuous(second.units);
  stream.addReader(third);
  assert.deepEqual(third.numbers, [50, 51, 52, 53, 54]);
  frames(2);
  assertContinuous(third.units);
});

test("a keyframe brings its parameter sets, whether the camera sends them or not", () => {
  const { stream, frames } = setUp({ inBandSets: false, gopFrames: 5 });
  const [all, small] = [new UnitTap(), new SmallTap()];
  stream.addReader(all);
  stream.addReader(small);
  frames(11);
  const typesOf = (unit: Unit): number[] =>
    payloadFormatOf("h264")
      .depacketize(unit.packets!, unit.track.parameters)!
      .map((nalUnit) => h264NalType(nalUnit[0]!));
  for (const [i, unit] of small.units.entries()) {
    if (!unit.keyframe) continue;
    assert.deepEqual(typesOf(unit).slice(0, 2), [H264NalType.sps, H264NalType.pps]);
    assert.ok(!typesOf(all.units[i]!).includes(H264NalType.sps));
  }
  assert.ok(SYNTHETIC_SETS.sps.length > 0);
  assertContinuous(small.units);
});

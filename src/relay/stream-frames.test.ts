import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#testing/fake-clock.ts";
import { SyntheticVideo, syntheticTrack } from "#testing/synthetic-track.ts";
import { packetUnit, UnitTap } from "#testing/unit-tap.ts";
import { GopMemory } from "./gop-cache.ts";
import { Stream } from "./stream.ts";

test("frames that are made of packets are good until the next one; those of a backlog for as long as somebody has them", () => {
  const clock = new FakeClock();
  const track = syntheticTrack();
  const stream = new Stream([track], "packets", { clock, udpMaxPayloadBytes: 1452, gopMemory: new GopMemory() });
  stream.cacheGop(true);
  const publish = stream.begin([track], "packets");
  const copies: Buffer[][] = [];
  stream.addReader(new UnitTap({ wants: () => "frame", onUnit: ({ frame }) => copies.push(frame!.map((part) => Buffer.from(part))) }));
  const cameras = [3000, 40_000, 6000, 1000].map((frameBytes) => new SyntheticVideo({ frameBytes, gopFrames: 100 }));
  const frames = cameras.map((camera) => camera.next());
  for (const [i, frame] of frames.entries()) publish({ ...packetUnit(cameras[i]!, track, clock.us, frame), keyframe: i === 0 });
  const asMade = frames.map(({ frame }) => frame);
  assert.deepEqual(copies, asMade);
  const late = new UnitTap({ wants: () => "frame" });
  stream.addReader(late);
  for (let i = 0; i < 3; i++) publish(packetUnit(cameras[1]!, track, clock.us));
  assert.deepEqual(
    late.units.slice(0, 4).map(({ frame }) => frame),
    asMade,
  );
});

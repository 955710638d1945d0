import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { REORDER_TCP, REORDER_UDP, type ReorderLimits } from "#rtp/reorder.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { SYNTHETIC_SETS, SyntheticVideo, syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { frameNumberOfUnit, rtpOf } from "#testing/unit-tap.ts";
import { RtpIngest } from "./rtp-ingest.ts";

function setUp(t: TestContext, { tracks = [syntheticTrack()] as readonly Track[], reorder = REORDER_TCP as ReorderLimits } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const clock = new FakeClock();
  const units: Unit[] = [];
  const ready: (readonly Track[])[] = [];
  const ingest = new RtpIngest({
    tracks,
    sink: {
      ready: (known) => {
        ready.push(known);
        return (unit) => units.push(unit);
      },
    },
    reorder,
    repairTime: false,
    senderClocks: () => ({ last: undefined }),
    nowUs: () => clock.nowUs(),
  });
  const push = (packets: readonly Buffer[], index = 0): void => {
    for (const packet of packets) ingest.onPacket(index, false, packet, 0, packet.length);
  };
  const pass = (ms: number): void => {
    for (let at = 0; at < ms; at += 10) {
      clock.passMs(10);
      t.mock.timers.tick(10);
    }
  };
  return { clock, units, ready, ingest, push, pass };
}

test("nothing goes out before start; then it is ready at once when the sets are known", (t) => {
  const { units, ready, ingest, push } = setUp(t);
  const camera = new SyntheticVideo();
  push(rtpOf(camera.nextBurst()));
  assert.deepEqual([ready.length, units.length], [0, 0]);
  ingest.start();
  assert.equal(ready.length, 1);
  push(rtpOf(camera.nextBurst()));
  assert.deepEqual(units.map(frameNumberOfUnit), [1]);
});

test("what is no RTP is no sign of life", (t) => {
  const { clock, ingest, push, pass } = setUp(t);
  ingest.start();
  const garbage = [
    Buffer.alloc(0),
    Buffer.alloc(11, 0x80),
    Buffer.alloc(200, 0x12),
    Buffer.from("80c8000600000000000000000000000000000000", "hex"),
  ];
  push(garbage);
  assert.equal(ingest.lastPacketUs, undefined);
  push(rtpOf(new SyntheticVideo().nextBurst()));
  const atUs = clock.nowUs();
  pass(100);
  push(garbage);
  assert.equal(ingest.lastPacketUs, atUs);
});

test("ready with the frame that brings the sets; sound before it waits for nobody", (t) => {
  const { units, ready, ingest, push } = setUp(t, { tracks: [syntheticTrack({ described: false }), syntheticAudioTrack()] });
  ingest.start();
  const camera = new SyntheticVideo({ gopFrames: 3 });
  const frames = Array.from({ length: 4 }, () => rtpOf(camera.nextBurst()));
  const sound = Buffer.alloc(172, 0xd5);
  sound[0] = 0x80;
  push([sound], 1);
  push(frames[1]!);
  assert.equal(ready.length, 0);
  push(frames[3]!);
  assert.deepEqual(units.map(frameNumberOfUnit), [3]);
  assert.deepEqual(ready[0]![0]!.parameters, { codec: "h264", sps: [SYNTHETIC_SETS.sps], pps: [SYNTHETIC_SETS.pps] });
});

test("without sets for 10 s it is served as it is", (t) => {
  const { clock, units, ready, ingest, push } = setUp(t, { tracks: [syntheticTrack({ described: false })] });
  ingest.start();
  const camera = new SyntheticVideo({ inBandSets: false });
  push(rtpOf(camera.nextBurst()));
  clock.passMs(10_000);
  push(rtpOf(camera.nextBurst()));
  assert.equal(ready.length, 0);
  clock.passMs(1);
  push(rtpOf(camera.nextBurst()));
  assert.deepEqual([ready.length, units.map(frameNumberOfUnit)], [1, [2]]);
});

test("sets that change make a new Track, from their frame on; sets that do not change make none", (t) => {
  const { units, ingest, push } = setUp(t);
  ingest.start();
  const camera = new SyntheticVideo({ gopFrames: 1 });
  push(rtpOf(camera.nextBurst()));
  const frame = camera.next();
  push(rtpOf(camera.burstOf({ ...frame, frame: [SYNTHETIC_SETS.otherSps, SYNTHETIC_SETS.pps, frame.frame.at(-1)!] })));
  push(rtpOf(new SyntheticVideo({ inBandSets: false, firstSequence: camera.nextSequence }).nextBurst()));
  const [first, second, third] = units.map(({ track }) => track);
  assert.deepEqual(first, syntheticTrack());
  assert.deepEqual(second!.parameters, { codec: "h264", sps: [SYNTHETIC_SETS.otherSps], pps: [SYNTHETIC_SETS.pps] });
  assert.equal(third, second);
  assert.equal(second!.index, first!.index);
});

test("a frame whose end does not come is closed as damaged after 200 ms", (t) => {
  const { units, ingest, push, pass } = setUp(t);
  ingest.start();
  push(rtpOf(new SyntheticVideo().nextBurst()).slice(0, -1));
  pass(190);
  assert.equal(units.length, 0);
  pass(100);
  assert.deepEqual(
    units.map(({ damaged }) => damaged),
    [true],
  );
});

test("over UDP a gap is waited for, 100 ms at most; what was lost is counted", (t) => {
  const { units, ingest, push, pass } = setUp(t, { reorder: REORDER_UDP });
  ingest.start();
  const camera = new SyntheticVideo();
  const [a, b, c] = [rtpOf(camera.nextBurst()), rtpOf(camera.nextBurst()), rtpOf(camera.nextBurst())];
  push([a[0]!, a[2]!, a[1]!, ...a.slice(3)]);
  assert.deepEqual(
    units.map(({ damaged }) => damaged),
    [false],
  );
  push([...b.slice(1), ...c]);
  assert.equal(units.length, 1);
  pass(160);
  assert.deepEqual(
    units.map(({ damaged }) => damaged),
    [false, true, false],
  );
  assert.equal(ingest.receivers[0]!.lost, 1);
});

test("stopped, it delivers what is unfinished and nothing after; started again, it is ready again", (t) => {
  const { units, ready, ingest, push, pass } = setUp(t);
  ingest.start();
  const camera = new SyntheticVideo();
  push(rtpOf(camera.nextBurst()).slice(0, -1));
  ingest.stop();
  assert.deepEqual(
    units.map(({ damaged }) => damaged),
    [true],
  );
  push(rtpOf(camera.nextBurst()));
  pass(300);
  assert.deepEqual([ready.length, units.length], [1, 1]);
  ingest.start();
  assert.equal(ready.length, 2);
  push(rtpOf(camera.nextBurst()).slice(0, -1));
  pass(300);
  assert.equal(units.length, 2, "its timers run again too");
});

test("packets of no track, and what is no RTP, harm nobody", (t) => {
  const { units, ingest, push } = setUp(t);
  ingest.start();
  push([Buffer.alloc(0), Buffer.alloc(3), Buffer.alloc(40)]);
  push([Buffer.alloc(40)], 5);
  ingest.onPacket(0, true, Buffer.from([1, 2]), 0, 2);
  assert.equal(units.length, 0);
  assert.equal(ingest.receivers[0]!.counters.inError, 3);
});

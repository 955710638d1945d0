// What is lost on the way: packets that are kept, asked for and repeated, and how fast anything leaves.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { GopMemory } from "#relay/gop-cache.ts";
import { Stream } from "#relay/stream.ts";
import type { PacketBurst } from "#rtp/burst.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { SyntheticVideo, syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { sequencesOf } from "#testing/unit-tap.ts";
import { BitrateEstimate } from "./bitrate-estimate.ts";
import { LossWatch } from "./loss-watch.ts";
import { PacedSender } from "./paced-sender.ts";
import { PacketHistory } from "./packet-history.ts";
import { historyOf } from "./stream-history.ts";

function bursts(count: number, options: ConstructorParameters<typeof SyntheticVideo>[0] = {}): readonly PacketBurst[] {
  const video = new SyntheticVideo(options);
  return Array.from({ length: count }, () => video.nextBurst());
}

test("history: every packet that went is found by its number, over the wrap", () => {
  const history = new PacketHistory();
  const sent = bursts(30, { firstSequence: 65_500 });
  for (const burst of sent) {
    history.note(burst, 0);
    history.note(burst, 0); // another reader of the same
  }
  for (const burst of sent) {
    for (const [index, sequence] of sequencesOf(burst).entries()) assert.deepEqual(history.find(sequence, -1), { burst, index });
  }
  assert.equal(history.find((sequencesOf(sent.at(-1)!).at(-1)! + 1) & 0xffff, -1), undefined);
  assert.equal(history.find((sequencesOf(sent[0]!)[0]! - 1) & 0xffff, -1), undefined);
});

test("history: there is one for each track of a stream, whoever asks", () => {
  const clock = new FakeClock();
  const tracks = [syntheticTrack(), syntheticAudioTrack()];
  const make = (): Stream => new Stream(tracks, "packets", { clock, udpMaxPayloadBytes: 1452, gopMemory: new GopMemory() });
  const [one, other] = [make(), make()];
  const kept = [historyOf(one, 0), historyOf(one, 1), historyOf(other, 0)];
  assert.equal(new Set(kept).size, 3);
  assert.equal(historyOf(one, 0), kept[0]);
});

test("history: old packets are forgotten", () => {
  const history = new PacketHistory();
  const [first, second, third] = bursts(3);
  history.note(first!, 0);
  history.note(second!, 1_000_000);
  history.note(third!, 2_000_000);
  assert.equal(history.find(sequencesOf(first!)[0]!, -1), undefined);
  assert.notEqual(history.find(sequencesOf(second!)[0]!, -1), undefined);
});

test("history: who came later gets nothing of what went before", () => {
  const history = new PacketHistory();
  const [before, after] = bursts(2);
  history.note(before!, 1000);
  history.note(after!, 2000);
  assert.equal(history.find(sequencesOf(before!)[0]!, 1000), undefined);
  assert.notEqual(history.find(sequencesOf(after!)[0]!, 1000), undefined);
});

test("history: what is kept is a copy, in memory that is used again", () => {
  const history = new PacketHistory();
  const sizes: number[] = [];
  for (const [i, burst] of bursts(300).entries()) {
    const before = Buffer.from(burst.bytes);
    history.note(burst, i * 100_000);
    burst.bytes.fill(0);
    const found = history.find(before.readUInt16BE(burst.offsets[0]! + 6), -1)!;
    assert.ok(found.burst.bytes.equals(before));
    sizes.push(history.heldBytes);
  }
  assert.equal(sizes.at(-1), sizes[100]);
});

test("losses: asked for at once, again while they can be of use, and no more once they came", () => {
  const watch = new LossWatch();
  assert.equal(watch.came(65_534), false);
  assert.equal(watch.came(65_535), false);
  assert.equal(watch.came(3), true);
  assert.deepEqual(watch.due(0), [0, 1, 2]);
  assert.deepEqual(watch.due(10_000), []);
  assert.equal(watch.came(1), false);
  assert.deepEqual(watch.due(40_000), [0, 2]);
  for (let atUs = 80_000; atUs < 400_000; atUs += 40_000) watch.due(atUs);
  assert.equal(watch.pending, false, "given up");
  assert.equal(watch.came(4), false);
});

test("losses: an outage or a new numbering is not asked for packet by packet", () => {
  const outage = new LossWatch();
  outage.came(0);
  outage.came(900);
  assert.deepEqual(outage.due(0), []);
  const renumbered = new LossWatch();
  renumbered.came(0);
  renumbered.came(30_000);
  assert.equal(renumbered.pending, false);
});

test("what a publisher may send sinks while packets are lost, and rises again", () => {
  const estimate = new BitrateEstimate();
  const best = estimate.next(1000, 0);
  const lossy = estimate.next(2000, 300);
  assert.ok(lossy < best);
  assert.equal(estimate.next(3000, 350), lossy, "a little loss changes nothing");
  assert.ok(estimate.next(4000, 350) > lossy);
  for (let second = 0; second < 100; second++) estimate.next(5000 + second * 1000, 1250 + second * 900);
  assert.equal(estimate.next(105_000, 100_000), 150_000);
});

/** A pacer on a clock of the test's, and what it let go: by the millisecond, track and number of packets. */
function pacerOn(t: TestContext): {
  readonly pacer: PacedSender;
  readonly sent: (readonly [atMs: number, trackIndex: number, count: number])[];
  pass(ms: number): void;
} {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 1000;
  const sent: (readonly [atMs: number, trackIndex: number, count: number])[] = [];
  const send = (track: number, _burst: PacketBurst, first: number, end: number): void => void sent.push([nowMs - 1000, track, end - first]);
  const pass = (ms: number): void => {
    for (let i = 0; i < ms; i++) {
      nowMs++;
      t.mock.timers.tick(1);
    }
  };
  return { pacer: new PacedSender(send, () => nowMs), sent, pass };
}

const burstOf = (count: number): PacketBurst => ({ bytes: Buffer.alloc(0), offsets: new Int32Array(count + 1), count });

test("pacing: a frame of ordinary size leaves at once, a keyframe in steps, in order", (t) => {
  const { pacer, sent, pass } = pacerOn(t);
  pacer.push(0, burstOf(12));
  pacer.push(0, burstOf(100));
  pacer.push(1, burstOf(1));
  pass(5);
  assert.deepEqual(sent, [
    [0, 0, 12],
    [0, 0, 36],
    [1, 0, 40],
    [2, 0, 24],
    [2, 1, 1],
  ]);
  pacer.push(0, burstOf(100));
  pacer.close();
  const before = sent.length;
  pass(10);
  assert.equal(sent.length, before);
});

test("pacing: a timer that is late costs nothing, but no more leaves at once than ever", (t) => {
  let nowMs = 0;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sent: number[] = [];
  const pacer = new PacedSender(
    (_track, _burst, first, end) => void sent.push(end - first),
    () => nowMs,
  );
  pacer.push(0, burstOf(128));
  nowMs = 50;
  t.mock.timers.tick(1);
  assert.deepEqual(sent, [48, 48]);
});

test("pacing: an open GOP, many small frames at once, leaves at half the pace until little is left", (t) => {
  const { pacer, sent, pass } = pacerOn(t);
  for (let i = 0; i < 50; i++) pacer.push(0, burstOf(12));
  const packetsUntil = (untilMs: number): number => sent.filter(([atMs]) => atMs <= untilMs).reduce((sum, [, , count]) => sum + count, 0);
  pass(40);
  assert.equal(packetsUntil(0), 48);
  assert.equal(packetsUntil(10), 48 + 10 * 20);
  assert.equal(packetsUntil(40), 600);
  const lastMs = sent.at(-1)![0];
  assert.equal(lastMs, 25); // 424 packets until 128 are left, and those
});

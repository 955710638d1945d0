// Footage as a live source: order, pace, position, what happens at gaps, and that nothing is held while it stands still.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { PeerFault } from "#base/errors.ts";
import type { SourceSink } from "#relay/source.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { MemoryIndex, type MemoryRun } from "#testing/memory-index.ts";
import { codedRun, FRAME_US, gateRun, NOON_US } from "#testing/recorded-clip.ts";
import { PlaybackSource } from "./playback-source.ts";

const SECOND_US = 1_000_000;

/** A source that plays to a list, on timers that a test moves. */
class Player {
  readonly clock = new FakeClock();
  readonly timers = new ManualTimers(this.clock);
  readonly units: Unit[] = [];
  readonly readies: (readonly Track[])[] = [];
  readonly states: string[] = [];
  readonly abort = new AbortController();
  readonly index: MemoryIndex;
  readonly source: PlaybackSource;
  readonly ended: Promise<unknown>;

  constructor(runs: readonly MemoryRun[], from = 0, toUtcUs?: number) {
    this.index = new MemoryIndex({ cam: runs });
    const { clock, index } = this;
    const { schedule } = this.timers;
    const fromUtcUs = NOON_US + from * SECOND_US;
    this.source = new PlaybackSource({ index, path: "cam", fromUtcUs, clock, schedule, ...(toUtcUs !== undefined && { toUtcUs }) });
    const sink: SourceSink = {
      ready: (tracks, native) => {
        assert.equal(native, "frame");
        this.readies.push(tracks);
        return (unit) => this.units.push(unit);
      },
      state: (state) => this.states.push(state),
    };
    this.ended = this.source.run(sink, this.abort.signal).then(
      () => "aborted",
      (error: unknown) => error,
    );
  }

  /** Until the source waits: for a timer, for somebody, or for nothing any more. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await setImmediate();
  }

  async pass(ms: number): Promise<void> {
    await this.settle();
    const endUs = this.clock.us + ms * 1000;
    while (this.clock.us < endUs) {
      const [nextMs] = this.timers.delaysMs;
      this.timers.passMs(Math.min(nextMs ?? ms, (endUs - this.clock.us) / 1000));
      await this.settle();
    }
  }

  videoPts(): number[] {
    return this.units.filter(({ track }) => track.kind === "video").map(({ ptsTicks }) => ptsTicks);
  }
}

test("frames come at their pace, sound and picture in turn, with the time of their recording", async () => {
  const player = new Player([gateRun({ startUtcUs: NOON_US, frames: [0, 100], audio: true })]);
  await player.pass(0);
  assert.deepEqual(player.states, ["live"]);
  assert.deepEqual(
    player.readies[0]!.map(({ index, kind, codec, reorderFrames }) => [index, kind, codec, reorderFrames]),
    [
      [0, "video", "h264", 0],
      [1, "audio", "g711", 0],
    ],
  );
  assert.deepEqual(
    player.units.map(({ track }) => track.index),
    [0, 1],
  );
  const startUs = player.clock.us;
  await player.pass(1000);
  assert.equal(player.units.length, 2 * 26);
  for (const [i, unit] of player.units.entries()) {
    const frame = Math.floor(i / 2);
    assert.equal(unit.track, player.readies[0]![i % 2]);
    assert.equal(unit.captureUs, startUs + frame * FRAME_US);
    assert.equal(unit.senderUtcUs, NOON_US + frame * FRAME_US);
    assert.equal(unit.ptsTicks, frame * (i % 2 === 0 ? 3600 : 320));
    assert.equal(unit.keyframe, i % 2 === 1 || frame === 0);
  }
  assert.equal(player.source.positionUtcUs, NOON_US + 25 * FRAME_US);
  assert.equal(player.timers.delaysMs.length, 1);
  player.abort.abort();
  assert.equal(await player.ended, "aborted");
  assert.deepEqual([player.timers.delaysMs, player.index.openReads], [[], 0]);
});

test("in the middle of a group of pictures what a decoder needs comes at once", async () => {
  const player = new Player([gateRun({ startUtcUs: NOON_US, frames: [0, 100] })], 1);
  await player.pass(0);
  assert.deepEqual(
    player.units.map(({ ptsTicks }) => ptsTicks),
    Array.from({ length: 26 }, (_, i) => 4 * i), // thousandths of a frame
  );
  assert.equal(player.units[0]!.keyframe, true);
  await player.pass(80);
  assert.deepEqual(player.videoPts().slice(25), [100, 3600, 7200]);
  player.abort.abort();
});

test("frames that are reordered are in decode order, with the depth in the track", async () => {
  const run = codedRun("h264-main-b3.h264", NOON_US);
  const player = new Player([run]);
  await player.pass(500);
  const { samples } = run.fragments[0]!.samples[0]!;
  assert.deepEqual(
    player.videoPts().slice(0, 12),
    samples.slice(0, 12).map(({ dtsTicks, ptsOffsetTicks }) => dtsTicks + ptsOffsetTicks),
  );
  assert.ok(player.readies[0]![0]!.reorderFrames > 0);
  player.abort.abort();
});

test("a gap is skipped, after another ready; at the end the source ends", async () => {
  const runs = [
    gateRun({ startUtcUs: NOON_US, frames: [0, 50] }),
    gateRun({ startUtcUs: NOON_US + 3600 * SECOND_US, frames: [100, 150], runId: "run-2", gapBefore: "power" }),
  ];
  const player = new Player(runs, 1);
  await player.pass(1000);
  assert.equal(player.readies.length, 2);
  assert.equal(player.units.length, 50 + 1);
  assert.equal(player.units.at(-1)!.senderUtcUs, NOON_US + 3600 * SECOND_US);
  await player.pass(2000);
  assert.equal(player.units.length, 100);
  const error = await player.ended;
  assert.ok(error instanceof PeerFault && error.code === "ended");
});

test("tracks that readers cannot go on with begin anew, too", async () => {
  const other = codedRun("h265-main10-no-b.h265", NOON_US + 2 * SECOND_US);
  const player = new Player([gateRun({ startUtcUs: NOON_US, frames: [0, 50] }), { ...other, gapBefore: "tracks" }]);
  await player.pass(3000);
  assert.deepEqual(
    player.readies.map(([track]) => track!.codec),
    ["h264", "h265"],
  );
  assert.equal(player.units.length, 50 + 12);
  assert.equal(player.units[50]!.track, player.readies[1]![0]);
});

test("nothing there; an end that is given", async () => {
  const nothing = await new Player([gateRun({ startUtcUs: NOON_US, frames: [0, 50] })], 10).ended;
  assert.ok(nothing instanceof PeerFault && nothing.code === "not-found");
  const player = new Player([gateRun({ startUtcUs: NOON_US, frames: [0, 100] })], 0, NOON_US + SECOND_US);
  await player.pass(2000);
  assert.equal(player.units.length, 25);
});

test("pause, resume and seek: nothing is read while it stands still", async () => {
  const player = new Player([gateRun({ startUtcUs: NOON_US, frames: [0, 400] })]);
  await player.pass(1000);
  assert.equal(player.units.length, 26);
  player.source.pause();
  player.source.pause();
  await player.pass(10_000);
  assert.equal(player.units.length, 26);
  assert.deepEqual([player.source.isPaused, player.index.openReads, player.timers.delaysMs], [true, 0, []]);
  player.source.resume();
  await player.pass(40);
  assert.equal(player.readies.length, 2);
  assert.equal(player.units[26]!.keyframe, true);
  assert.equal(player.units.at(-1)!.senderUtcUs, NOON_US + 26 * FRAME_US);
  player.source.resume(); // it plays: nothing changes
  await player.settle();
  assert.equal(player.units.at(-1)!.senderUtcUs, NOON_US + 26 * FRAME_US);

  player.source.seek(NOON_US + 10 * SECOND_US);
  assert.equal(player.source.positionUtcUs, NOON_US + 10 * SECOND_US);
  await player.pass(40);
  assert.equal(player.units.at(-1)!.senderUtcUs, NOON_US + 10 * SECOND_US + FRAME_US);
  player.source.pause();
  player.source.seek(NOON_US + 4 * SECOND_US);
  await player.pass(1000);
  assert.equal(player.units.at(-1)!.senderUtcUs, NOON_US + 10 * SECOND_US + FRAME_US);
  player.source.resume();
  await player.pass(0);
  assert.equal(player.units.at(-1)!.senderUtcUs, NOON_US + 4 * SECOND_US);
  player.abort.abort();
  assert.equal(await player.ended, "aborted");
});

test("a hold keeps what is open and goes on with the very next frame, as much later as it lasted", async () => {
  const player = new Player([gateRun({ startUtcUs: NOON_US, frames: [0, 100] })], 1);
  await player.settle();
  const early = player.units.length;
  player.source.hold();
  player.source.hold();
  await player.pass(10_000);
  assert.equal(player.units.length, early);
  assert.equal(player.index.openReads, 1);
  player.source.release();
  player.source.release();
  await player.pass(200);
  assert.deepEqual(
    player.units.slice(early).map(({ senderUtcUs }) => (senderUtcUs! - NOON_US) / FRAME_US),
    [26, 27, 28, 29, 30],
  );
  assert.equal(player.readies.length, 1);
  const [first, second] = player.units.slice(early);
  assert.equal(second!.captureUs - first!.captureUs, FRAME_US);
  assert.equal(player.clock.us - player.units.at(-1)!.captureUs, 0);
  player.abort.abort();
  await player.ended;
});

test("a hold within a frame that is delivered comes before the next, also among those that come at once", async () => {
  const player = new Player([gateRun({ startUtcUs: NOON_US, frames: [0, 100] })], 1);
  player.source.hold();
  await player.settle();
  assert.equal(player.units.length, 0);
  let held = 0;
  const { push } = player.units;
  player.units.push = (...units) => {
    player.source.hold();
    held++;
    return push.apply(player.units, units);
  };
  for (let i = 1; i <= 26; i++) {
    player.source.release();
    await player.settle();
    assert.equal(held, i);
  }
  assert.deepEqual(
    player.videoPts(),
    Array.from({ length: 26 }, (_, i) => 4 * i),
  );
  player.abort.abort();
  await player.ended;
});

test("a source that is aborted while it is held ends", async () => {
  const player = new Player([gateRun({ startUtcUs: NOON_US, frames: [0, 100] })]);
  await player.settle();
  player.source.hold();
  await player.settle();
  player.abort.abort();
  assert.equal(await player.ended, "aborted");
  assert.deepEqual([player.timers.delaysMs, player.index.openReads], [[], 0]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerFault } from "#base/errors.ts";
import { GopMemory } from "#relay/gop-cache.ts";
import type { Source, SourceSink } from "#relay/source.ts";
import { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import type { Unit } from "#relay/unit.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { syntheticAudioTrack, syntheticTrack } from "#testing/synthetic-track.ts";
import { UnitTap } from "#testing/unit-tap.ts";
import { ReplayRefusal } from "./refusal.ts";
import type { Replay } from "./replay.ts";
import { ReplayPlayer } from "./replay-player.ts";
import { ReplayRun } from "./replay-run.ts";

const NOON_US = Date.UTC(2026, 7, 1, 12) * 1000;
const FRAME_US = 40_000;
const SLICE = Buffer.from([0x65, 0x88, 0x84]);
const video: Track = { ...syntheticTrack(), reorderFrames: 2 };

/** Footage that a test hands out unit by unit. */
class HandFed implements Replay, Source {
  readonly endUtcUs = undefined;
  readonly calls: string[] = [];
  readonly source = this;
  #sink: SourceSink | undefined;
  #publish: (unit: Unit) => void = () => {};
  #reject: (error: Error) => void = () => {};

  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }

  run(sink: SourceSink, signal: AbortSignal): Promise<void> {
    this.#sink = sink;
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      signal.addEventListener("abort", () => {
        this.calls.push("abort");
        resolve();
      });
    });
  }

  ready(tracks: readonly Track[] = [video]): void {
    this.#publish = this.#sink!.ready(tracks, "frame");
  }

  /** The frame that is shown as the `number`th. */
  frame(number: number, changes: Partial<Unit> = {}): void {
    const senderUtcUs = NOON_US + number * FRAME_US;
    const unit = { track: video, ptsTicks: number * 3600, captureUs: 0, senderUtcUs, keyframe: number % 10 === 0, damaged: false };
    this.#publish({ ...unit, frame: [SLICE], ...changes });
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}

/** A player whose stream a tap reads; `open` is how often footage was opened so far. */
async function setUp({ limitUtcUs }: { readonly limitUtcUs?: number } = {}) {
  const clock = new FakeClock();
  const opened: HandFed[] = [];
  let closed = 0;
  const player = await ReplayPlayer.open(
    {
      clock,
      open: async () => {
        const replay = new HandFed();
        opened.push(replay);
        const run = new ReplayRun(replay);
        const primed = run.prime(1000);
        if (opened.length === 1) start(replay);
        const first = await primed;
        assert.ok(first !== undefined);
        return { run, first };
      },
      makeStream: (tracks, native, replayClock) =>
        new Stream(tracks, native, { clock: replayClock, udpMaxPayloadBytes: 1452, gopMemory: new GopMemory() }),
      onClosed: () => closed++,
    },
    NOON_US,
    limitUtcUs,
  );
  const ends: (string | undefined)[] = [];
  player.whenEnded = (fault) => ends.push(fault);
  const tap = new UnitTap({ wants: () => "frame" });
  const lease = player.lease(tap);
  /** Numbers of the frames that came, by their RTP time. */
  const numbers = (): number[] => tap.units.map(({ ptsTicks }) => Math.round((ptsTicks - tap.units[0]!.ptsTicks) / 3600));
  return { player, lease, opened, clock, tap, ends, numbers, closed: () => closed };
}

function start(replay: HandFed): void {
  replay.ready();
  replay.frame(0);
}

async function settled(): Promise<void> {
  await new Promise(setImmediate);
}

test("it is held at its first frame until it is played", async () => {
  const { lease, opened, numbers } = await setUp();
  const [replay] = opened;
  assert.deepEqual(replay!.calls, ["pause"]);
  assert.deepEqual(numbers(), []);
  lease.start();
  assert.deepEqual(replay!.calls, ["pause", "resume"]);
  replay!.frame(1);
  assert.deepEqual(numbers(), [0, 1]);
});

test("what a source had under way when it was paused is not lost, and comes in its order", async () => {
  const { lease, opened, numbers, tap } = await setUp();
  const [replay] = opened;
  replay!.frame(1);
  lease.start();
  lease.pause();
  replay!.frame(2);
  replay!.ready();
  replay!.frame(10, { ptsTicks: 0 });
  assert.deepEqual(numbers(), [0, 1]);
  lease.start();
  replay!.frame(11, { ptsTicks: 3600 });
  assert.deepEqual(
    tap.units.map(({ keyframe }) => keyframe),
    [true, false, false, true, false],
  );
  assert.deepEqual(numbers(), [0, 1, 2, 3, 4]);
});

test("before the first keyframe of the video nothing counts", async () => {
  const replay = new HandFed();
  const run = new ReplayRun(replay);
  const primed = run.prime(1000);
  const audio = syntheticAudioTrack();
  replay.ready([video, audio]);
  replay.frame(0, { track: audio });
  replay.frame(1);
  assert.deepEqual(replay.calls, []);
  replay.frame(10);
  assert.equal((await primed)?.utcUs, NOON_US + 10 * FRAME_US);
  run.close();
});

test("without a frame in time it fails; without footage there is none", async () => {
  const late = new ReplayRun(new HandFed());
  await assert.rejects(late.prime(1), (error) => error instanceof PeerFault && error.code === "timeout");
  late.close();
  for (const code of ["ended", "not-found"] as const) {
    const replay = new HandFed();
    const empty = new ReplayRun(replay).prime(1000);
    replay.fail(new PeerFault(code, "nothing"));
    assert.equal(await empty, undefined);
  }
  const replay = new HandFed();
  const broken = new ReplayRun(replay).prime(1000);
  replay.fail(new PeerFault("protocol", "unreadable"));
  await assert.rejects(broken, /unreadable/);
});

test("frames that come before the end are not lost because one behind it is decoded first", async () => {
  const { lease, opened, numbers, ends } = await setUp({ limitUtcUs: NOON_US + 4 * FRAME_US });
  const [replay] = opened;
  lease.start();
  for (const number of [3, 1, 2, 6, 4, 5]) if (ends.length === 0) replay!.frame(number);
  assert.deepEqual(numbers(), [0, 3, 1, 2, 6, 4]);
  assert.deepEqual(ends, [undefined]);
});

test("the end of the footage, a fault and other tracks end it, each with its reason", async () => {
  const endings: [(replay: HandFed) => void, string | undefined][] = [
    [(replay) => replay.fail(new PeerFault("ended", "over")), undefined],
    [(replay) => replay.fail(new PeerFault("stalled", "the disk is gone")), "the disk is gone"],
    [(replay) => replay.ready([video, syntheticAudioTrack()]), "the tracks changed"],
  ];
  for (const [end, reason] of endings) {
    const { player, lease, opened, ends, closed } = await setUp();
    lease.start();
    end(opened[0]!);
    await settled();
    assert.deepEqual(ends, [reason]);
    assert.ok(player.ended);
    assert.equal(closed(), 0);
    lease.close();
    lease.close();
    assert.equal(closed(), 1);
  }
});

test("an end that comes while it is paused is told when it is played on", async () => {
  const { lease, opened, ends, numbers } = await setUp();
  const [replay] = opened;
  lease.start();
  lease.pause();
  replay!.frame(1);
  replay!.fail(new PeerFault("ended", "over"));
  await settled();
  assert.deepEqual(ends, []);
  lease.start();
  assert.deepEqual(ends, [undefined]);
  assert.deepEqual(numbers(), [0, 1]);
});

test("it plays on until a seek has found its footage; two seeks at once are one too many", async () => {
  const { player, lease, opened, numbers } = await setUp();
  lease.start();
  const seek = player.seek(NOON_US + 20 * FRAME_US, undefined);
  await assert.rejects(player.seek(NOON_US, undefined), (error) => error instanceof ReplayRefusal && error.status === 455);
  await settled();
  const [old, other] = opened;
  old!.frame(1);
  assert.deepEqual(numbers(), [0, 1]);
  other!.ready();
  other!.frame(20);
  await seek;
  assert.ok(old!.calls.includes("abort"));
  assert.equal(player.positionUtcUs, NOON_US + 20 * FRAME_US);
  lease.pause();
  lease.start();
  assert.deepEqual(numbers(), [0, 1, 2]);
});

test("a seek to footage with other tracks is refused, one that outlives its session ends what it opened", async () => {
  const { player, lease, opened } = await setUp();
  lease.start();
  const refused = player.seek(NOON_US + 1e6, undefined);
  await settled();
  const audio = syntheticAudioTrack();
  opened[1]!.ready([{ ...audio, index: 0 }]);
  opened[1]!.frame(0, { track: { ...audio, index: 0 } });
  await assert.rejects(refused, (error) => error instanceof ReplayRefusal && error.status === 457);
  assert.ok(opened[1]!.calls.includes("abort") && !opened[0]!.calls.includes("abort"));

  const late = player.seek(NOON_US + 2e6, undefined);
  await settled();
  lease.close();
  start(opened[2]!);
  await assert.rejects(late, (error) => error instanceof ReplayRefusal && error.status === 454);
  assert.ok(opened.every(({ calls }) => calls.includes("abort")));
});

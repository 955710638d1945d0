// Footage of a run that went on while the clock was set: listed, read and locked by the times it had.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stamp, StampRange, UtcTime } from "#base/clock.ts";
import { ANCHOR_FLAGS } from "#base/clock-anchor.ts";
import { UtcModel } from "#base/utc-model.ts";
import { frameNumberOf, RigClock, RingRig } from "#testing/ring-rig.ts";

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1e3;
const HOUR_US = 3600e6;

/** Noon at monotonic 0; at `setUs` it was set by so much. */
class SetClock extends RigClock {
  readonly #model = new UtcModel();

  constructor(setUs: number, byUs: number) {
    super();
    const anchor = { bootCounter: 1, bootId: this.bootId, errorUs: 1000, quality: "ntp" } as const;
    this.#model.add({ ...anchor, monoUs: 0, utcUs: NOON_US, flags: 0 });
    this.#model.add({ ...anchor, monoUs: setUs, utcUs: NOON_US + setUs + byUs, flags: ANCHOR_FLAGS.step });
  }

  override utcOfStamp(stamp: Stamp): UtcTime {
    return this.#model.utcOf(stamp);
  }

  override monoOf(utcUs: number): Stamp[] {
    return this.#model.monoOf(utcUs);
  }

  override rangesOf(fromUtcUs: number, toUtcUs: number): StampRange[] {
    return this.#model.rangesOf(fromUtcUs, toUtcUs);
  }
}

interface Shown {
  readonly number: number;
  /** After noon. */
  readonly second: number;
}

/** Twenty seconds from second 1 on, a frame each; a group of pictures has four. Within the tenth the clock is set. */
async function recordedWhileSet(byUs: number): Promise<RingRig> {
  const rig = await new RingRig({ clock: new SetClock(10.5e6, byUs) }).start();
  const camera = await rig.camera("gate", { gop: 4 }).open();
  await camera.record(20);
  await camera.store.close();
  return rig;
}

async function readFrom({ ring }: RingRig, fromUtcUs: number, toUtcUs: number): Promise<(readonly Shown[])[]> {
  const { signal } = new AbortController();
  const read: (readonly Shown[])[] = [];
  for await (const footage of ring.recordings.read("gate", fromUtcUs, toUtcUs, signal)) {
    const shown: Shown[] = [];
    for await (const { samples } of footage.fragments(signal)) {
      for (const { frame, dtsTicks } of samples.flatMap((track) => track.samples)) {
        const utcUs = footage.epochUtcUs + (dtsTicks * 1e6) / footage.tracks[0]!.clockRateHz;
        shown.push({ number: frameNumberOf(frame.at(-1)!), second: (utcUs - NOON_US) / 1e6 });
      }
    }
    read.push(shown);
  }
  return read;
}

for (const [how, byUs] of [
  ["back", -HOUR_US],
  ["forward", HOUR_US],
] as const) {
  test(`set ${how}: two spans, each with its own time, and each begins with a keyframe when it is read`, async () => {
    const rig = await recordedWhileSet(byUs);
    const spans = await rig.ring.recordings.spans("gate");
    assert.deepEqual(
      spans.map(({ startUtcUs, durationUs, gapBefore }) => [startUtcUs - NOON_US, durationUs, gapBefore]),
      [
        [1e6, 9.5e6, undefined],
        [10.5e6 + byUs, 10.5e6, undefined],
      ],
    );
    const [first, second] = spans.map(({ startUtcUs, durationUs }) => [startUtcUs, startUtcUs + durationUs] as const);
    const numbered = (from: number, to: number, shiftUs = 0) =>
      Array.from({ length: to - from }, (_, i) => ({ number: from + i, second: 1 + from + i + shiftUs / 1e6 }));
    assert.deepEqual(await readFrom(rig, ...first!), [numbered(0, 10)]);
    // From the keyframe before, as if it had been recorded by the new time.
    assert.deepEqual(await readFrom(rig, ...second!), [numbered(8, 20, byUs)]);
    await rig.ring.close();
  });
}

test("what is asked for over the jump comes in the order it was recorded, on two timelines", async () => {
  const rig = await recordedWhileSet(-5e6);
  const runs: string[] = [];
  const { signal } = new AbortController();
  for await (const footage of rig.ring.recordings.read("gate", NOON_US, NOON_US + HOUR_US, signal)) runs.push(footage.runId);
  assert.equal(runs.length, 2);
  assert.notEqual(runs[0], runs[1]);
  const read = await readFrom(rig, NOON_US + 6e6, NOON_US + 7e6);
  assert.deepEqual(
    read.map((shown) => shown.map(({ number }) => number)),
    [
      [4, 5],
      [8, 9, 10],
    ],
    "this second was twice",
  );
  await rig.ring.close();
});

test("a lock on one side of the jump does not hold the other", async () => {
  const rig = await recordedWhileSet(-HOUR_US);
  const fromUtcUs = NOON_US + 15e6 - HOUR_US;
  const { sizeBytes } = await rig.ring.recordings.lock({ path: "gate", fromUtcUs, toUtcUs: fromUtcUs + 1e6, why: "test" });
  const all = (await rig.ring.recordings.spans("gate")).reduce((sum, span) => sum + span.sizeBytes, 0);
  assert.ok(sizeBytes > 0 && sizeBytes < all, `${sizeBytes} of ${all} bytes`);
  await rig.ring.close();
});

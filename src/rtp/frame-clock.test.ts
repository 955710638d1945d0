import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "#testing/mutate.ts";
import { FrameClock } from "./frame-clock.ts";

const RATE = 90_000;
const FRAME_US = 40_000;
const FRAME_TICKS = 3600;

/** Frames at 25 per second; `rawOf` says what the camera stamps frame i with. Returns the repaired times. */
function run(count: number, rawOf: (i: number) => number, options: { reorders?: boolean; arrivalOf?: (i: number) => number } = {}) {
  const clock = new FrameClock(RATE);
  const arrivalOf = options.arrivalOf ?? ((i) => i * FRAME_US);
  const ticks = Array.from({ length: count }, (_, i) => clock.next(rawOf(i), arrivalOf(i), options.reorders ?? false));
  return { clock, ticks };
}

/** The largest distance of a frame from where it belongs, ms. */
function worstErrorMs(ticks: readonly number[], trueUs: (i: number) => number = (i) => i * FRAME_US): number {
  return Math.max(...ticks.map((value, i) => Math.abs((value / RATE) * 1000 - trueUs(i) / 1000)));
}

const isIncreasing = (ticks: readonly number[]): boolean => ticks.every((value, i) => i === 0 || value > ticks[i - 1]!);

describe("frame clock", () => {
  test("a sound clock is left as it is, whatever the network's jitter", () => {
    const random = seededRandom(1);
    const { clock, ticks } = run(3000, (i) => 12_345 + i * FRAME_TICKS, { arrivalOf: (i) => i * FRAME_US + random(200_000) });
    assert.deepEqual(
      ticks,
      ticks.map((_, i) => i * FRAME_TICKS),
    );
    assert.deepEqual([clock.restamped, clock.jumps, clock.usesArrival], [0, 0, false]);
  });

  test("B-frames step back and are no fault", () => {
    const order = [0, 4, 2, 1, 3];
    const { clock, ticks } = run(500, (i) => (Math.floor(i / 5) * 5 + order[i % 5]!) * FRAME_TICKS, { reorders: true });
    assert.equal(clock.restamped, 0);
    assert.equal(ticks[2], 2 * FRAME_TICKS);
  });

  for (const offS of [37_600, -9_800]) {
    test(`a single frame stamped ${offS} s off, every two seconds, is put where it belongs`, () => {
      const { clock, ticks } = run(1000, (i) => i * FRAME_TICKS + (i % 50 === 49 ? offS * RATE : 0));
      assert.ok(isIncreasing(ticks));
      assert.ok(worstErrorMs(ticks) < 1, `${worstErrorMs(ticks)} ms`);
      assert.deepEqual([clock.restamped, clock.jumps], [20, 0]);
    });
  }

  for (const [name, offTicks] of [
    ["an hour ahead", 3600 * RATE],
    ["an hour back", -3600 * RATE],
    ["to zero", -5_000_000_000],
  ] as const) {
    test(`a clock that jumps ${name} goes on where it was, with one discontinuity`, () => {
      const { clock, ticks } = run(1000, (i) => 5_000_000_000 + i * FRAME_TICKS + (i >= 500 ? offTicks : 0));
      assert.ok(isIncreasing(ticks));
      assert.ok(worstErrorMs(ticks) < 1, `${worstErrorMs(ticks)} ms`);
      assert.deepEqual([clock.restamped, clock.jumps], [3, 1]);
    });
  }

  test("a pause in which the clock goes on is a pause", () => {
    const { clock, ticks } = run(200, (i) => (i + (i >= 100 ? 500 : 0)) * FRAME_TICKS, {
      arrivalOf: (i) => (i + (i >= 100 ? 500 : 0)) * FRAME_US,
    });
    assert.equal(clock.restamped, 0);
    assert.equal(ticks[100], 600 * FRAME_TICKS);
  });

  for (const [name, rawOf] of [
    ["never moves", () => 777],
    ["is always zero", () => 0],
  ] as const) {
    test(`a clock that ${name} is replaced by arrival`, () => {
      const random = seededRandom(2);
      const { clock, ticks } = run(2000, rawOf, { arrivalOf: (i) => i * FRAME_US + random(20_000) });
      assert.equal(clock.usesArrival, true);
      assert.ok(isIncreasing(ticks.slice(11)));
      const spanS = (ticks[1999]! - ticks[500]!) / RATE;
      assert.ok(Math.abs(spanS / (1499 * 0.04) - 1) < 0.005, `${spanS} s`);
    });
  }

  for (const factor of [25 / 21, 0.98, 1.02]) {
    test(`a clock that runs at ${factor.toFixed(2)} of its rate: the span is right within half a percent`, () => {
      const random = seededRandom(3);
      const { clock, ticks } = run(10_000, (i) => Math.round(i * FRAME_TICKS * factor), {
        arrivalOf: (i) => i * FRAME_US + random(30_000),
      });
      assert.equal(clock.usesArrival, true);
      assert.ok(isIncreasing(ticks));
      const from = 2000; // the first windows are needed to tell
      const spanS = (ticks[9999]! - ticks[from]!) / RATE;
      assert.ok(Math.abs(spanS / ((9999 - from) * 0.04) - 1) < 0.005, `${spanS} s`);
      const steps = ticks.slice(from).map((value, i) => value - ticks[from + i - 1]!);
      assert.ok(Math.max(...steps) < FRAME_TICKS * 2, "no phantom gap");
    });
  }

  test("a crystal's drift is no fault", () => {
    const { clock } = run(10_000, (i) => Math.round(i * FRAME_TICKS * (1 + 300e-6)));
    assert.equal(clock.usesArrival, false);
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom } from "#testing/mutate.ts";
import { tsTicksOf, tsTicksOfMs, wrapTsTicks } from "./clock.ts";

test("ticks of other clocks are converted exactly", () => {
  const random = fuzzRandom(1);
  for (const clockRateHz of [8000, 16_000, 44_100, 48_000, 90_000, 96_000]) {
    for (let round = 0; round < 200; round++) {
      const ticks = random(2 ** 31) * random(2 ** 18) * (random(2) === 0 ? 1 : -1);
      const numerator = BigInt(ticks) * 90_000n;
      const rate = BigInt(clockRateHz);
      const exact = numerator / rate - (numerator < 0n && numerator % rate !== 0n ? 1n : 0n);
      assert.equal(BigInt(tsTicksOf(ticks, clockRateHz)), exact, `${ticks} at ${clockRateHz} Hz`);
    }
  }
  assert.equal(tsTicksOfMs(300), 27_000);
});

test("timestamps wrap at 33 bits, below zero too", () => {
  assert.equal(wrapTsTicks(2 ** 33 - 1), 2 ** 33 - 1);
  assert.equal(wrapTsTicks(2 ** 33), 0);
  assert.equal(wrapTsTicks(5 * 2 ** 33 + 7), 7);
  assert.equal(wrapTsTicks(-1), 2 ** 33 - 1);
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SenderClock, type SenderClockMemory } from "./sender-clock.ts";

const RATE = 90_000;
const NTP_1970_S = 2_208_988_800;
const NOON_S = Date.UTC(2026, 10, 22, 12) / 1000;

function setUp(memory: SenderClockMemory = { last: undefined }) {
  const clock = new SenderClock(RATE, memory);
  /** A report that says: `utcS` belongs to `rtpS` seconds of RTP time. */
  const report = (utcS: number, rtpS: number, arrivalUs = rtpS * 1e6): void => {
    const ntpS = utcS + NTP_1970_S;
    clock.report(Math.floor(ntpS), Math.floor((ntpS % 1) * 2 ** 32), Math.round(rtpS * RATE), arrivalUs);
  };
  const utcAt = (rtpS: number): number | undefined => {
    const us = clock.utcUsAt(rtpS * RATE);
    return us === undefined ? undefined : us / 1e6;
  };
  return { clock, report, utcAt, memory };
}

const near = (actual: number | undefined, expected: number, toleranceS = 1e-3): void => {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= toleranceS, `${actual} is not ${expected}`);
};

describe("sender clock", () => {
  test("the second report that agrees makes the clock known, before and after it", () => {
    const { report, utcAt } = setUp();
    report(NOON_S, 10);
    assert.equal(utcAt(10), undefined);
    report(NOON_S + 5, 15);
    near(utcAt(10), NOON_S);
    near(utcAt(17.5), NOON_S + 7.5);
  });

  test("clocks that are unset are ignored", () => {
    for (const utcS of [-NTP_1970_S, 0, 100_000, Date.UTC(2019, 0, 1) / 1000, Date.UTC(2101, 0, 1) / 1000]) {
      const { clock, report, utcAt } = setUp();
      report(utcS, 10);
      report(utcS + 5, 15);
      assert.equal(utcAt(15), undefined, String(utcS));
      assert.equal(clock.rejected, 2);
    }
  });

  test("reports that do not agree with RTP time are not accepted", () => {
    const { report, utcAt } = setUp();
    report(NOON_S, 10);
    report(NOON_S + 9, 15);
    report(NOON_S + 3, 20);
    assert.equal(utcAt(20), undefined);
  });

  test("a step is followed at its second report, the old time holds until then", () => {
    const { report, utcAt } = setUp();
    report(NOON_S, 10);
    report(NOON_S + 5, 15);
    report(NOON_S + 10 - 3600, 20);
    near(utcAt(20), NOON_S + 10);
    report(NOON_S + 15 - 3600, 25);
    near(utcAt(26), NOON_S + 16 - 3600);
  });

  test("one report that is off leaves the clock as it is", () => {
    const { clock, report, utcAt } = setUp();
    report(NOON_S, 10);
    report(NOON_S + 5, 15);
    report(NOON_S + 500, 20);
    report(NOON_S + 15, 25);
    near(utcAt(30), NOON_S + 20);
    assert.equal(clock.rejected, 2);
  });

  test("300 ppm between RTP and NTP time: between the reports it is right within a tenth of a millisecond", () => {
    const { report, utcAt } = setUp();
    const drift = 1 + 300e-6;
    for (let s = 0; s <= 60; s += 5) report(NOON_S + s * drift, s);
    near(utcAt(64.9), NOON_S + 64.9 * drift, 1e-4);
  });

  test("after a reconnect the first report is accepted if it agrees with the time before", () => {
    const first = setUp();
    first.report(NOON_S, 10, 10e6);
    first.report(NOON_S + 5, 15, 15e6);
    const second = setUp(first.memory);
    second.report(NOON_S + 65, 1, 75e6);
    near(second.utcAt(2), NOON_S + 66);
    const stepped = setUp(first.memory);
    stepped.report(NOON_S + 4000, 1, 75e6);
    assert.equal(stepped.utcAt(2), undefined);
  });

  test("how fast RTP time counts is known to the next session", () => {
    const drift = 1 + 300e-6;
    const first = setUp();
    for (let s = 0; s <= 10; s += 5) first.report(NOON_S + s * drift, s);
    const second = setUp(first.memory);
    second.report(NOON_S + 20, 1, 20e6);
    near(second.utcAt(11), NOON_S + 20 + 10 * drift, 1e-4);
  });

  test("a small step of the sender's clock is no other rate", () => {
    const { report, utcAt } = setUp();
    for (const s of [0, 5, 10]) report(NOON_S + s, s);
    report(NOON_S + 15.04, 15);
    near(utcAt(20), NOON_S + 20.04, 1e-4);
  });
});

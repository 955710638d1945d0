import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#testing/fake-clock.ts";
import { ReplayClock } from "./replay-clock.ts";

const NOON_US = Date.UTC(2026, 7, 1, 12) * 1000;

function setUp() {
  const real = new FakeClock();
  const clock = new ReplayClock(real);
  clock.place(NOON_US, clock.nowUs());
  return { real, clock, shown: () => clock.utcOf(clock.nowUs()).utcUs - NOON_US };
}

test("it passes while it runs and stands otherwise", () => {
  const { real, clock, shown } = setUp();
  real.passMs(500);
  assert.equal(shown(), 0);
  clock.start();
  real.passMs(300);
  clock.start();
  real.passMs(200);
  assert.equal(shown(), 500_000);
  clock.stop();
  real.passMs(1000);
  clock.stop();
  assert.equal(shown(), 500_000);
  clock.start();
  real.passMs(10);
  assert.equal(shown(), 510_000);
});

test("a break moves the recording's time and not the play time", () => {
  const { real, clock, shown } = setUp();
  clock.start();
  real.passMs(1000);
  const playUs = clock.nowUs();
  clock.place(NOON_US + 3600e6, playUs);
  assert.equal(clock.nowUs(), playUs);
  assert.equal(shown(), 3600e6);
  assert.equal(clock.playTimeOf(NOON_US + 3600e6 + 40_000), playUs + 40_000);
  real.passMs(20);
  assert.equal(shown(), 3600e6 + 20_000);
});

test("it can be set, running or not", () => {
  const { real, clock } = setUp();
  clock.set(5_000_000);
  assert.equal(clock.nowUs(), 5_000_000);
  clock.start();
  real.passMs(7);
  clock.set(6_000_000);
  real.passMs(1);
  assert.equal(clock.nowUs(), 6_001_000);
});

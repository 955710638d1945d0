import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplayRefusal } from "./refusal.ts";
import { describeReplayRange, parseReplayRange, writeReplayRange } from "./replay-range.ts";

const NOON_US = Date.UTC(2026, 7, 1, 12) * 1000;
const times = { startUtcUs: NOON_US, positionUtcUs: NOON_US + 10e6 };

test("normal play time counts from the start of the replay, a clock is UTC; both ends may be open", () => {
  const spans: [string, number | undefined, number | undefined][] = [
    ["npt=0.000-", 0, undefined],
    ["npt=12.5-20", 12_500_000, 20_000_000],
    ["npt=0:00:12-", 12_000_000, undefined],
    ["npt=-20", undefined, 20_000_000],
    ["clock=20260801T120003.25Z-", 3_250_000, undefined],
    ["clock=20260801T120003Z-20260801T120004Z", 3_000_000, 4_000_000],
  ];
  for (const [header, fromUs, untilUs] of spans) {
    const absolute = (us: number | undefined) => (us === undefined ? undefined : NOON_US + us);
    assert.deepEqual(parseReplayRange(header, times), { fromUtcUs: absolute(fromUs), untilUtcUs: absolute(untilUs) }, header);
  }
});

test("what is no range of a recording is refused with its status", () => {
  const refused: [string, number][] = [
    ["", 400],
    ["npt=", 400],
    ["npt=-", 400],
    ["npt=x-", 400],
    ["clock=20260801-", 400],
    ["clock=-20260801T120003Z", 400],
    ["metres=1-2", 400],
    ["smpte=00:00:01-", 501],
    ["npt=now-", 457],
    ["npt=5-5", 457],
    ["npt=5-4", 457],
    ["npt=-10", 457],
    ["clock=20260801T120004Z-20260801T120003Z", 457],
  ];
  for (const [header, status] of refused) {
    assert.throws(
      () => parseReplayRange(header, times),
      (error) => error instanceof ReplayRefusal && error.status === status,
      header,
    );
  }
});

test("the answer speaks the client's unit, absolute where it named none", () => {
  assert.equal(writeReplayRange("npt=9-", times), "npt=10.000-");
  assert.equal(writeReplayRange("clock=20260801T120009Z-", times), "clock=20260801T120010Z-");
  assert.equal(writeReplayRange(undefined, times), "clock=20260801T120010Z-");
});

test("a time that is told names the same instant or one up to a millisecond later", () => {
  const positionUtcUs = NOON_US + 10_000_001;
  assert.equal(writeReplayRange("npt=9-", { ...times, positionUtcUs }), "npt=10.001-");
  assert.equal(writeReplayRange(undefined, { ...times, positionUtcUs }), "clock=20260801T120010.001Z-");
});

test("a description has the whole in both units, with the end where it is known", () => {
  assert.deepEqual(describeReplayRange(NOON_US, NOON_US + 62e6), ["npt=0.000-62.000", "clock=20260801T120000Z-20260801T120102Z"]);
  assert.deepEqual(describeReplayRange(NOON_US, undefined), ["npt=0.000-", "clock=20260801T120000Z-"]);
});

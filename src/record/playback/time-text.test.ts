// Times and durations in the forms that clients send and MediaMTX answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRfc3339 } from "#base/rfc3339.ts";
import { fileTime, parseDuration, writeTime } from "./time-text.ts";

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;

test("written as Go writes it, and read back", () => {
  for (const us of [NOON_US, NOON_US + 1, NOON_US + 500_000, NOON_US + 123_456, NOON_US + 6 * 30 * 86_400e6]) {
    assert.equal(parseRfc3339(writeTime(us)), us);
  }
  assert.match(writeTime(NOON_US), /^2026-03-01T\d\d:\d\d:00(Z|[+-]\d\d:\d\d)$/);
  assert.match(writeTime(NOON_US + 120_000), /:00\.12(Z|[+-]\d\d:\d\d)$/);
  assert.match(writeTime(NOON_US + 999_999.6), /:01(Z|[+-]\d\d:\d\d)$/);
  assert.match(fileTime(NOON_US + 999_999), /^2026-03-01_\d\d-\d\d-00$/);
});

test("durations: seconds, or Go's text", () => {
  for (const [text, us] of [
    ["1", 1e6],
    ["200.5", 200_500_000],
    [".25", 250_000],
    ["1e2", 1e8],
    ["+3", 3e6],
    ["1m30s", 9e7],
    ["1.5h", 5_400_000_000],
    ["300ms", 300_000],
    ["2h45m0.5s", 9_900_500_000],
    ["1us", 1],
    ["1500µs", 1500],
    ["2000ns", 2],
  ] as const) {
    assert.equal(parseDuration(text), us, text);
  }
  for (const text of [
    "",
    "0",
    "-1",
    "-1m",
    "0s",
    "1d",
    "m",
    "1m30",
    "inf",
    "NaN",
    "1e400",
    "1_0",
    "0x10",
    "1,5",
    "1ns",
    "5s ".repeat(50),
  ]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

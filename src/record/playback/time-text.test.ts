// Times and durations in the forms that clients send and MediaMTX answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileTime, parseDuration, parseTime, writeTime } from "./time-text.ts";

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;

test("RFC 3339 with any offset, down to the microsecond", () => {
  for (const [text, us] of [
    ["2026-03-01T12:00:00Z", NOON_US],
    ["2026-03-01t12:00:00z", NOON_US],
    ["2026-03-01T14:30:00+02:30", NOON_US],
    ["2026-03-01T14:30:00 02:30", NOON_US],
    ["2026-03-01T06:59:00-05:01", NOON_US],
    ["2026-03-01T12:00:00.5Z", NOON_US + 500_000],
    ["2026-03-01T12:00:00.123456789Z", NOON_US + 123_456],
    ["2026-03-01T12:00:00,000001Z", NOON_US + 1],
    ["1970-01-01T00:00:00Z", 0],
    ["0099-01-01T00:00:00Z", Date.UTC(1999, 0, 1) * 1000 - 1900 * 365.2425 * 86_400e6],
    ["2024-02-29T23:59:59.999999999+00:00", Date.UTC(2024, 2, 1) * 1000 - 1],
  ] as const) {
    if (text.startsWith("0099")) assert.equal(new Date(parseTime(text)! / 1000).getUTCFullYear(), 99);
    else assert.equal(parseTime(text), us, text);
  }
});

test("what is no time", () => {
  const texts = [
    "",
    "2026-03-01",
    "2026-03-01T12:00:00",
    "2026-03-01 12:00:00Z",
    "2026-02-29T12:00:00Z",
    "2026-13-01T12:00:00Z",
    "2026-00-01T12:00:00Z",
    "2026-03-01T24:00:00Z",
    "2026-03-01T12:60:00Z",
    "2026-03-01T12:00:60Z",
    "2026-03-01T12:00:00+0200",
    "2026-03-01T12:00:00+24:00",
    "2026-03-01T12:00:00+01:60",
    "2026-03-01T12:00:00.Z",
    "2026-03-01T12:00:00.1234567890Z",
    "1772366400",
    "x2026-03-01T12:00:00Z",
  ];
  for (const text of texts) assert.equal(parseTime(text), undefined, text);
});

test("written as Go writes it, and read back", () => {
  for (const us of [NOON_US, NOON_US + 1, NOON_US + 500_000, NOON_US + 123_456, NOON_US + 6 * 30 * 86_400e6]) {
    assert.equal(parseTime(writeTime(us)), us);
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

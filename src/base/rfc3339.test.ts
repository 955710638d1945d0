import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRfc3339 } from "./rfc3339.ts";

const NOON_US = Date.UTC(2026, 7, 1, 12) * 1000;

test("a time is read with its offset and down to the microsecond", () => {
  const texts: [string, number][] = [
    ["2026-08-01T12:00:00Z", 0],
    ["2026-08-01t12:00:00z", 0],
    ["2026-08-01T14:00:00+02:00", 0],
    ["2026-08-01T14:00:00 02:00", 0],
    ["2026-08-01T06:30:00-05:30", 0],
    ["2026-08-02T00:15:00+12:15", 0],
    ["2026-08-01T12:00:00.5Z", 500_000],
    ["2026-08-01T12:00:00.123456789Z", 123_456],
    ["2026-08-01T11:59:60Z", 0],
  ];
  for (const [text, afterNoonUs] of texts) assert.equal(parseRfc3339(text), NOON_US + afterNoonUs, text);
  assert.equal(parseRfc3339("2028-02-29T00:00:00Z"), Date.UTC(2028, 1, 29) * 1000);
  assert.equal(parseRfc3339("1969-12-31T23:59:59.000001Z"), -999_999);
});

test("what is no time is not guessed", () => {
  const texts = [
    "",
    "now",
    "2026-08-01",
    "2026-08-01T12:00:00",
    "2026-08-01 12:00:00Z",
    "2026-08-01T12:00Z",
    "2026-02-29T12:00:00Z",
    "2026-04-31T12:00:00Z",
    "2026-13-01T12:00:00Z",
    "2026-00-01T12:00:00Z",
    "2026-08-00T12:00:00Z",
    "2026-08-01T24:00:00Z",
    "2026-08-01T12:60:00Z",
    "2026-08-01T12:00:61Z",
    "2026-08-01T12:00:00.Z",
    "2026-08-01T12:00:00+24:00",
    "2026-08-01T12:00:00+02:60",
    "2026-08-01T12:00:00+0200",
    "2026-08-01T12:00:00Z ",
    "20260801T120000Z",
  ];
  for (const text of texts) assert.equal(parseRfc3339(text), undefined, text);
});

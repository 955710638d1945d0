import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplayRefusal } from "./refusal.ts";
import { parseReplayQuery } from "./replay-query.ts";

const NOON_US = Date.UTC(2026, 7, 1, 12) * 1000;

test("start names an instant, as it is or escaped, among other parameters", () => {
  const starts = [
    "2026-08-01T12:00:00Z",
    "2026-08-01T14:00:00+02:00",
    "2026-08-01T14:00:00%2B02:00",
    "2026-08-01T14%3A00%3A00%2B02%3A00",
    "2026-08-01T07:00:00-05:00",
  ];
  for (const start of starts) {
    for (const query of [`start=${start}`, `user=a&start=${start}&x=1`, `start=${start}&start=never`]) {
      assert.deepEqual(parseReplayQuery(query), { fromUtcUs: NOON_US, untilUtcUs: undefined }, query);
    }
  }
});

test("duration counts from start", () => {
  const until = (duration: string) => parseReplayQuery(`start=2026-08-01T12:00:00Z&duration=${duration}`)?.untilUtcUs;
  assert.equal(until("30"), NOON_US + 30e6);
  assert.equal(until("0.5"), NOON_US + 500_000);
  assert.equal(until("31622400"), NOON_US + 31_622_400e6);
});

test("without start it is the live stream, whatever else is asked", () => {
  for (const query of ["", "token=start", "Start=x", "restart=1", "duration=30", "end=2026-08-01T12:00:00Z"]) {
    assert.equal(parseReplayQuery(query), undefined, query);
  }
});

test("what is wrong is said, with the name of the parameter", () => {
  const start = "start=2026-08-01T12:00:00Z";
  const wrong: [string, RegExp][] = [
    ["start", /start/],
    ["start=", /start/],
    ["start=yesterday", /start/],
    ["start=2026-02-30T12:00:00Z", /start/],
    ["start=%zz", /start/],
    [`${start}&duration=`, /duration/],
    [`${start}&duration=0`, /duration/],
    [`${start}&duration=-1`, /duration/],
    [`${start}&duration=1e3`, /duration/],
    [`${start}&duration=31622401`, /duration/],
    [`${start}&duration=9999999999`, /duration/],
  ];
  for (const [query, message] of wrong) {
    assert.throws(
      () => parseReplayQuery(query),
      (error) => error instanceof ReplayRefusal && error.status === 400 && message.test(error.message),
      query,
    );
  }
});

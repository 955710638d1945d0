import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCron } from "./cron-expression.ts";
import { CronTimes } from "./cron-times.ts";
import { TimeZone } from "./time-zone.ts";

function timesOf(cron: string, zone = "UTC"): CronTimes {
  const expression = parseCron(cron);
  if ("fault" in expression) assert.fail(expression.fault);
  return new CronTimes(expression, TimeZone.of(zone)!);
}

/** All between two instants, the first one not included, as texts without seconds. */
function between(times: CronTimes, from: string, to: string): string[] {
  const found: string[] = [];
  let at = times.next(Date.parse(from));
  while (at !== undefined && at <= Date.parse(to)) {
    found.push(new Date(at).toISOString().slice(5, 16));
    at = times.next(at);
  }
  return found;
}

test("next is after, previous is up to and with", () => {
  const times = timesOf("0 22 * * *");
  const at = Date.parse("2026-11-30T22:00:00Z");
  assert.equal(times.next(at - 1), at);
  assert.equal(times.next(at), at + 86_400_000);
  assert.equal(times.previous(at), at);
  assert.equal(times.previous(at - 1), at - 86_400_000);
});

test("a day counts when day of month, month and day of week let it", () => {
  assert.deepEqual(between(timesOf("0 3 1-7 * 1"), "2026-01-01T00:00Z", "2026-04-01T00:00Z"), [
    "01-05T03:00",
    "02-02T03:00",
    "03-02T03:00",
  ]);
});

test("local time of a zone, over its change", () => {
  const times = timesOf("0 6 * * *", "Europe/Berlin");
  assert.deepEqual(between(times, "2026-03-27T12:00Z", "2026-03-30T12:00Z"), ["03-28T05:00", "03-29T04:00", "03-30T04:00"]);
});

test("spring: what is left out comes once, when the clock jumps", () => {
  assert.deepEqual(between(timesOf("30 2 * * *", "Europe/Berlin"), "2026-03-28T00:00Z", "2026-03-30T12:00Z"), [
    "03-28T01:30",
    "03-29T01:00",
    "03-30T00:30",
  ]);
  assert.deepEqual(between(timesOf("*/15 2 * * *", "Europe/Berlin"), "2026-03-29T00:00Z", "2026-03-29T12:00Z"), ["03-29T01:00"]);
  assert.deepEqual(between(timesOf("15 0 * * *", "Africa/Cairo"), "2026-04-22T23:00Z", "2026-04-25T00:00Z"), [
    "04-23T22:00",
    "04-24T21:15",
  ]);
});

test("autumn: what comes twice is meant once", () => {
  assert.deepEqual(between(timesOf("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00Z", "2026-10-26T12:00Z"), [
    "10-25T00:30",
    "10-26T01:30",
  ]);
});

test("every n minutes goes on evenly through both changes", () => {
  const every = (from: string): number[] => {
    const times = timesOf("*/20 * * * *", "Europe/Berlin");
    const found = [Date.parse(from)];
    for (let i = 0; i < 15; i++) found.push(times.next(found.at(-1)!)!);
    return found.slice(1).map((at, i) => (at - found[i]!) / 60_000);
  };
  assert.deepEqual(every("2026-03-28T23:00Z"), new Array(15).fill(20));
  assert.deepEqual(every("2026-10-24T23:00Z"), new Array(15).fill(20));
});

test("far away: 29 February, over a year without one", () => {
  const times = timesOf("0 0 29 2 *");
  assert.equal(times.next(Date.parse("2096-03-01T00:00Z")), Date.parse("2104-02-29T00:00Z"));
  assert.equal(times.previous(Date.parse("2104-02-28T00:00Z")), Date.parse("2096-02-29T00:00Z"));
});

test("instants that no clock shows do no harm", () => {
  const times = timesOf("0 0 * * *", "Europe/Berlin");
  for (const utcMs of [0, -86_400_000 * 365, 8e15]) assert.doesNotThrow(() => [times.next(utcMs), times.previous(utcMs)]);
});

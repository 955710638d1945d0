import assert from "node:assert/strict";
import { test } from "node:test";
import { WallClock } from "#testing/wall-clock.ts";
import { timesOf } from "./plan.ts";
import { Timetable } from "./timetable.ts";

function setUp(start: string, crons: Readonly<Record<string, string>>, zone = "UTC") {
  const clock = new WallClock(start);
  const ran: string[] = [];
  const leaps: number[] = [];
  const table = new Timetable({ now: clock.now, onLeap: (aheadMs) => leaps.push(aheadMs) });
  const entriesOf = (wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).map(([key, cron]) => ({
      key,
      times: timesOf({ cron, timeZone: zone, do: "snapshot", path: "", value: "" }),
      run: (dueMs: number) => void ran.push(`${key} ${new Date(dueMs).toISOString().slice(5, 16)}`),
    }));
  table.setEntries(entriesOf(crons));
  clock.onSecond = () => table.tick();
  table.tick();
  return { clock, ran, leaps, table, change: (wanted: Readonly<Record<string, string>>) => table.setEntries(entriesOf(wanted)) };
}

test("what is due is run once, at its time", () => {
  const { clock, ran } = setUp("2026-11-30T21:59:50Z", { a: "0 22 * * *", b: "*/2 * * * *" });
  clock.pass(9);
  assert.deepEqual(ran, []);
  clock.pass(1);
  assert.deepEqual(ran, ["a 11-30T22:00", "b 11-30T22:00"]);
  clock.pass(240);
  assert.deepEqual(ran.slice(2), ["b 11-30T22:02", "b 11-30T22:04"]);
});

test("what was due before the start is not made up for, not by a second", () => {
  const { clock, ran } = setUp("2026-11-30T22:00:00Z", { a: "0 22 * * *" });
  clock.pass(60);
  assert.deepEqual(ran, []);
});

test("a clock that is set back runs nothing twice; beyond what was run it goes on", () => {
  const { clock, ran } = setUp("2026-11-30T21:59:50Z", { a: "0 22 * * *", b: "*/10 * * * *" });
  clock.pass(700);
  assert.deepEqual(ran, ["a 11-30T22:00", "b 11-30T22:00", "b 11-30T22:10"]);
  clock.set("2026-11-30T21:45:00Z");
  clock.pass(14 * 60);
  assert.deepEqual(ran.slice(3), ["b 11-30T21:50"], "this one was not run yet");
  clock.pass(30 * 60);
  assert.deepEqual(ran.slice(4), ["b 11-30T22:20"]);
});

test("a clock that is set back again and again", () => {
  const { clock, ran } = setUp("2026-11-30T21:59:30Z", { a: "0 22 * * *" });
  for (let i = 0; i < 100; i++) {
    clock.pass(60);
    clock.set("2026-11-30T21:59:30Z");
  }
  assert.deepEqual(ran, ["a 11-30T22:00"]);
});

test("a clock that is put right a little over due times runs each entry once", () => {
  const { clock, ran } = setUp("2026-11-30T21:58:30Z", { a: "0 22 * * *", b: "* * * * *" });
  clock.set("2026-11-30T22:05:10Z");
  assert.deepEqual(ran, ["a 11-30T22:00", "b 11-30T22:05"]);
  clock.set("2026-11-30T21:58:30Z");
  clock.pass(390);
  assert.equal(ran.length, 2, "back, and through it again");
});

test("a clock that leaps over due times runs none of them; back there, it runs them at their time", () => {
  const { clock, ran, leaps } = setUp("2026-11-30T21:59:30Z", { a: "0 22 * * *" });
  clock.set("2026-12-05T08:00:00Z");
  clock.pass(60);
  assert.deepEqual(ran, []);
  assert.equal(leaps.length, 1);
  clock.set("2026-11-30T21:59:40Z");
  clock.pass(60);
  assert.deepEqual(ran, ["a 11-30T22:00"]);
});

test("a clock years ahead that is set right stands in nobody's way", () => {
  const { clock, ran } = setUp("2031-05-01T00:00:30Z", { a: "* * * * *" });
  clock.pass(60);
  clock.set("2026-11-30T21:59:30Z");
  clock.pass(60);
  assert.deepEqual(ran, ["a 05-01T00:01", "a 11-30T22:00"]);
});

test("until the time is known nothing is due, and nothing of before is then", () => {
  const { clock, ran, table } = setUp("2026-11-30T21:59:30Z", { a: "0 22 * * *" });
  clock.isTrusted = false;
  clock.pass(60);
  assert.equal(table.nextOf("a"), undefined);
  clock.isTrusted = true;
  clock.pass(60);
  assert.deepEqual(ran, []);
  assert.equal(table.nextOf("a"), Date.parse("2026-12-01T22:00:00Z"));
});

test("spring and autumn: a nightly time that is left out or comes twice is met once", () => {
  const spring = setUp("2026-03-29T00:30:00Z", { a: "30 2 * * *" }, "Europe/Berlin");
  spring.clock.pass(3 * 3600);
  assert.deepEqual(spring.ran, ["a 03-29T01:00"]);
  const autumn = setUp("2026-10-24T23:30:00Z", { a: "30 2 * * *", b: "*/30 * * * *" }, "Europe/Berlin");
  autumn.clock.pass(3 * 3600);
  assert.deepEqual(
    autumn.ran.filter((line) => line.startsWith("a")),
    ["a 10-25T00:30"],
  );
  assert.equal(autumn.ran.filter((line) => line.startsWith("b")).length, 6, "every half hour is every half hour");
});

test("entries that stay go on; a new one begins now, one that is gone is not run", () => {
  const { clock, ran, change, table } = setUp("2026-11-30T21:59:30Z", { a: "0 22 * * *", b: "0 22 * * *" });
  change({ a: "0 22 * * *", c: "0 22 * * *" });
  clock.pass(60);
  assert.deepEqual(ran, ["a 11-30T22:00", "c 11-30T22:00"]);
  assert.equal(table.nextOf("b"), undefined);
});

test("next is told without disturbing what is due", () => {
  const { clock, ran, table } = setUp("2026-11-30T21:59:59Z", { a: "0 22 * * *" });
  clock.utcMs += 1500; // asked between two seconds
  assert.equal(table.nextOf("a"), Date.parse("2026-12-01T22:00:00Z"));
  clock.onSecond();
  assert.deepEqual(ran, ["a 11-30T22:00"]);
  clock.set("2026-11-30T21:00:00Z");
  assert.equal(table.nextOf("a"), Date.parse("2026-12-01T22:00:00Z"), "what was run is not told as next");
});

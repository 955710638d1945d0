import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred } from "#base/deferred.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { WallClock } from "#testing/wall-clock.ts";
import { type Perform, type Plan, Schedules } from "./schedules.ts";

function plan(cron: string, action: Plan["do"], more: Partial<Plan> = {}): Plan {
  return { cron, timeZone: "UTC", do: action, path: "", value: "", ...more };
}

function setUp(start: string, plans: readonly Plan[], perform?: Perform) {
  const clock = new WallClock(start);
  const collected = collectedLog();
  const told = { recording: 0, telemetry: 0 };
  const schedules = new Schedules({
    now: clock.now,
    entryOf: (path) => (path.startsWith("hall") ? "~^hall" : path === "stranger" ? undefined : path),
    performerOf: ({ do: action }) => (action === "snapshot" || action === "reboot" ? perform : undefined),
    onRecording: () => void told.recording++,
    onTelemetry: () => void told.telemetry++,
    log: collected,
  });
  schedules.update(plans);
  clock.onSecond = () => schedules.tick();
  return { clock, schedules, told, collected };
}

const NIGHT = [plan("0 22 * * *", "recordOn", { path: "gate" }), plan("0 6 * * *", "recordOff", { path: "gate" })];

test("recording from 22 to 6 is right in a gateway that starts at 23, at 5 and at 7", () => {
  for (const [time, isOn] of [
    ["23:00", true],
    ["05:00", true],
    ["07:00", false],
  ] as const) {
    const { schedules } = setUp(`2026-11-30T${time}:00Z`, NIGHT);
    assert.equal(schedules.isRecorded("gate"), isOn, time);
    assert.equal(schedules.isRecorded("yard"), undefined, "the setting says");
  }
});

test("it is told when recording becomes another one, and once", () => {
  const { clock, schedules, told } = setUp("2026-11-30T21:59:30Z", NIGHT);
  assert.equal(schedules.isRecorded("gate"), false);
  clock.pass(10);
  told.recording = 0;
  clock.pass(20);
  assert.deepEqual([schedules.isRecorded("gate"), told.recording], [true, 1]);
  clock.pass(600);
  assert.equal(told.recording, 1);
});

test("the clock is set: recording is what it is at the time that it is now", () => {
  const { clock, schedules } = setUp("2026-11-30T21:59:30Z", NIGHT);
  clock.set("2026-11-30T23:00:00Z");
  assert.equal(schedules.isRecorded("gate"), true);
  clock.set("2026-11-30T20:00:00Z");
  assert.equal(schedules.isRecorded("gate"), false);
});

test("when the time is not known any more, what stood stands", () => {
  const { clock, schedules } = setUp("2026-11-30T23:00:00Z", NIGHT);
  assert.equal(schedules.isRecorded("gate"), true);
  clock.isTrusted = false;
  clock.pass(8 * 3600);
  assert.equal(schedules.isRecorded("gate"), true);
  assert.equal(schedules.list()[0]?.nextMs, undefined);
  clock.isTrusted = true;
  clock.pass(1);
  assert.equal(schedules.isRecorded("gate"), false);
});

test("a gateway that does not know the time at its start", () => {
  const clock = new WallClock("1970-01-01T00:10:00Z");
  clock.isTrusted = false;
  let asked = 0;
  const schedules = new Schedules({
    now: clock.now,
    entryOf: (path) => path,
    performerOf: () => async () => assert.fail("nothing is due"),
    onRecording: () => void asked++,
    onTelemetry: () => assert.fail("no telemetry here"),
    log: collectedLog(),
  });
  schedules.update([...NIGHT, plan("* * * * *", "snapshot")]);
  clock.onSecond = () => schedules.tick();
  clock.pass(120);
  assert.equal(schedules.isRecorded("gate"), undefined);
  asked = 0;
  clock.isTrusted = true;
  clock.set("2026-11-30T23:00:00Z");
  assert.deepEqual([schedules.isRecorded("gate"), asked], [true, 1]);
});

test("plans for a path, for an entry, and for all", () => {
  const { schedules } = setUp("2026-11-30T23:00:00Z", [
    plan("0 20 * * *", "recordOff"),
    plan("0 21 * * *", "recordOn", { path: "~^hall" }),
    plan("0 22 * * *", "recordOff", { path: "hall2" }),
  ]);
  const answers = ["gate", "hall1", "hall2", "stranger"].map((path) => schedules.isRecorded(path));
  assert.deepEqual(answers, [false, true, false, false]);
});

test("by hand it holds until the schedules say something again", () => {
  const { clock, schedules, told } = setUp("2026-11-30T23:00:00Z", NIGHT);
  told.recording = 0;
  schedules.switchByHand("gate", false);
  assert.deepEqual([schedules.isRecorded("gate"), told.recording], [false, 1]);
  clock.pass(6 * 3600);
  assert.equal(schedules.isRecorded("gate"), false, "still off at 5");
  schedules.switchByHand("gate", true);
  clock.pass(3600 + 10);
  assert.equal(schedules.isRecorded("gate"), false, "6 has passed");
  clock.pass(16 * 3600);
  assert.equal(schedules.isRecorded("gate"), true, "and 22");
});

test("telemetry by day and by night", () => {
  const plans = [plan("0 6 * * *", "telemetry", { value: "5m" }), plan("0 20 * * *", "telemetry")];
  const { clock, schedules, told } = setUp("2026-11-30T19:59:30Z", plans);
  assert.deepEqual([schedules.telemetry, told.telemetry], ["5m", 1]);
  clock.pass(60);
  assert.deepEqual([schedules.telemetry, told.telemetry], ["", 2]);
  schedules.update([]);
  assert.deepEqual([schedules.telemetry, told.telemetry], [undefined, 3]);
});

test("what is due is done once at a time; what went wrong is logged once and told", async () => {
  const due: number[] = [];
  let turn = deferred<void>();
  const { clock, schedules, collected } = setUp(
    "2026-11-30T21:59:30Z",
    [plan("* * * * *", "snapshot", { path: "gate" })],
    async (_plan, { dueMs }) => {
      due.push(dueMs);
      await turn.promise;
    },
  );
  clock.pass(30);
  assert.equal(schedules.list()[0]?.isRunning, true);
  clock.pass(60);
  assert.equal(due.length, 1, "the one before still runs");
  assert.ok(collected.lines.some((line) => line.includes("left out")));
  const fail = async (): Promise<void> => {
    turn.reject(new Error("the camera is away"));
    await turn.promise.catch(() => {});
    await new Promise(setImmediate);
    turn = deferred();
  };
  await fail();
  assert.equal(schedules.list()[0]?.fault, "the camera is away");
  clock.pass(60);
  await fail();
  assert.equal(collected.lines.filter((line) => line.includes("the camera is away")).length, 1);
  clock.pass(60);
  turn.resolve();
  await new Promise(setImmediate);
  assert.deepEqual([schedules.list()[0]?.fault, schedules.list()[0]?.isRunning], [undefined, false]);
  assert.equal(schedules.list()[0]?.lastMs, Date.parse("2026-11-30T22:03:00Z"));
  assert.equal(schedules.list()[0]?.nextMs, Date.parse("2026-11-30T22:04:00Z"));
});

test("another config: what stays goes on, what a plan that is gone was doing is ended", async () => {
  const ended: string[] = [];
  const perform: Perform = ({ path }, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error(String(ended.push(path))))));
  const [gate, yard] = ["gate", "yard"].map((path) => plan("* * * * *", "snapshot", { path })) as [Plan, Plan];
  const { clock, schedules, collected } = setUp("2026-11-30T21:59:30Z", [gate, yard], perform);
  clock.pass(30);
  schedules.update([gate]);
  assert.deepEqual(ended, ["yard"]);
  assert.equal(schedules.list()[0]?.isRunning, true);
  await schedules.close();
  assert.deepEqual(ended, ["yard", "gate"]);
  assert.deepEqual(collected.lines, [], "that was wanted");
});

// A reboot by schedule: when it waits, when it gives up, and that no due time does it twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred } from "#base/deferred.ts";
import { CallerFault } from "#base/errors.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { rebooter } from "./rebooter.ts";
import type { Plan } from "./schedules.ts";

const PLAN: Plan = { cron: "0 3 * * *", timeZone: "UTC", do: "reboot", path: "", value: "10m" };
const WINDOWS_MS: Readonly<Record<string, number>> = { "10m": 600_000, "2h": 7_200_000 };
const windowMs = (value: string): number => WINDOWS_MS[value]!;
const DUE = Date.parse("2026-11-30T03:00:00Z");

/** A machine that goes down when it is asked to: what runs there ends, and `boot` starts the next. */
function machine({ busyMinutes = 0, bootCounter = 7, fs = new FaultFs() } = {}) {
  const log = collectedLog();
  let nowMs = 0;
  const reboots: string[] = [];
  const perform = rebooter({
    power: {
      check: () => {
        if (nowMs < busyMinutes * 60_000) throw new CallerFault("conflict", "job j-1 is at work: it would be cut off");
      },
      reboot: async (why) => {
        reboots.push(why);
        throw new Error("down");
      },
    },
    fs,
    file: "/data/scheduled-reboots.json",
    windowMs,
    bootCounter,
    nowMs: () => nowMs,
    sleep: async (delayMs, signal) => {
      signal.throwIfAborted();
      nowMs += delayMs;
    },
    log,
  });
  const run = (dueMs = DUE, plan = PLAN, signal = new AbortController().signal) => perform(plan, { dueMs, signal });
  return { fs, log, reboots, run, minutes: () => nowMs / 60_000 };
}

test("the machine is rebooted, once for each due time, whatever the clock is after the boot", async () => {
  const { reboots, run } = machine();
  await assert.rejects(run(), /down/);
  await run();
  await assert.rejects(run(DUE + 86_400_000), /down/);
  await run(DUE);
  assert.deepEqual(reboots, ["a schedule (0 3 * * *, UTC)", "a schedule (0 3 * * *, UTC)"]);
});

test("while a job is at work it waits, and not beyond its window", async () => {
  const soon = machine({ busyMinutes: 5 });
  await assert.rejects(soon.run(), /down/);
  assert.deepEqual([soon.reboots.length, soon.minutes()], [1, 5]);
  const long = machine({ busyMinutes: 60 });
  await assert.rejects(long.run(), /j-1 is at work/);
  assert.deepEqual([long.reboots.length, long.minutes()], [0, 10]);
  await assert.rejects(long.run(DUE + 86_400_000, { ...PLAN, value: "" }), /down/, "an hour, where nothing is said");
});

test("a schedule that reboots for ever leaves half an hour between, in which it can be taken back", async () => {
  const { fs, run } = machine();
  await assert.rejects(run(), /down/);
  const next = machine({ fs, bootCounter: 8 });
  await assert.rejects(next.run(DUE + 60_000), /a schedule has rebooted the machine just before/);
  assert.deepEqual([next.reboots.length, next.minutes()], [0, 10], "its window is shorter");
  const patient = machine({ fs, bootCounter: 8 });
  await assert.rejects(patient.run(DUE + 60_000, { ...PLAN, value: "2h" }), /down/);
  assert.deepEqual([patient.reboots.length, patient.minutes()], [1, 30]);
  assert.equal(patient.log.lines.filter((line) => line.includes("rebooted later")).length, 1, "said once");
  const later = machine({ fs, bootCounter: 20 });
  await assert.rejects(later.run(DUE + 120_000), /down/, "a boot by somebody else");
});

test("a schedule that is taken away meanwhile reboots nothing", async () => {
  const { reboots, run } = machine({ busyMinutes: 60 });
  await assert.rejects(run(DUE, PLAN, AbortSignal.abort(new Error("gone"))), /gone/);
  assert.deepEqual(reboots, []);
});

test("a gateway that the machine ends meanwhile is not held up", async () => {
  const { fs, log } = machine();
  const going = new AbortController();
  const asked = deferred<void>();
  const perform = rebooter({
    power: {
      check: () => {},
      reboot: () => {
        asked.resolve();
        return new Promise<never>(() => {});
      },
    },
    ...{ fs, file: "/data/scheduled-reboots.json", windowMs, bootCounter: 7, nowMs: () => 0, sleep: async () => {}, log },
  });
  const performed = perform(PLAN, { dueMs: DUE, signal: going.signal });
  await asked.promise;
  going.abort();
  await performed;
});

test("what cannot be noted, or was damaged, is in the way of no reboot", async () => {
  const { fs, log, reboots, run } = machine();
  fs.failAt(1, "EROFS", ({ kind, path }) => kind === "open" && path.endsWith(".new"));
  await assert.rejects(run(), /down/);
  assert.ok(log.lines.some((line) => line.includes("cannot be noted")));
  for (const text of ["", "{", "null", "[]", '{"due":1}', '{"due":["x"],"boot":6}', '{"due":[],"boot":"6"}']) {
    const file = await fs.open("/data/scheduled-reboots.json", "create");
    await file.write([Buffer.from(text)], 0);
    await file.close();
    await assert.rejects(run(), /down/, text);
  }
  assert.equal(reboots.length, 8);
});

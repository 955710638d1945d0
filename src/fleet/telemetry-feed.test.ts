import assert from "node:assert/strict";
import { test } from "node:test";
import { collectedLog } from "#testing/collected-log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { TelemetryFeed } from "./telemetry-feed.ts";
import type { Sample } from "./telemetry-thinner.ts";
import type { Upload } from "./upload.ts";

const MINUTE_MS = 60_000;

function setUp(read: () => Promise<Sample> = async () => ({ sys: { up_s: 1 } })) {
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const log = collectedLog();
  const told: number[] = [];
  const kept: Upload[] = [];
  const nowMs = (): number => clock.nowUs() / 1000;
  const startMs = nowMs();
  const uplink = {
    isOpen: true,
    isPaused: false,
    tell: () => void told.push((nowMs() - startMs) / MINUTE_MS),
    add: async (_class: number, message: Upload) => {
      kept.push(message);
    },
  };
  const site = { intervalMs: MINUTE_MS };
  const feed = new TelemetryFeed({
    uplink: uplink as never,
    intervalMs: () => site.intervalMs,
    read,
    happenedAt: (ms) => ({ bootCounter: 1, monoUs: ms * 1000 }),
    nowMs,
    schedule: timers.schedule,
    log,
  });
  /** In steps, so that what is read is sent before time goes on. */
  const pass = async (minutes: number, stepMs = MINUTE_MS / 2): Promise<void> => {
    timers.passMs(0);
    await new Promise(setImmediate);
    for (let leftMs = minutes * MINUTE_MS; leftMs > 0; leftMs -= stepMs) {
      timers.passMs(stepMs);
      await new Promise(setImmediate);
    }
  };
  return { feed, uplink, site, told, kept, log, pass, timers };
}

test("one at once, then one after each interval, none after the end", async () => {
  const { feed, told, pass } = setUp();
  feed.sendNow();
  await pass(3);
  assert.deepEqual(told, [0, 1, 2, 3]);
  feed.close();
  feed.sendNow();
  await pass(3);
  assert.equal(told.length, 4);
});

test("another interval counts from the last one on, a shorter one that has passed at once", async () => {
  const { feed, site, told, pass } = setUp();
  feed.intervalChanged();
  await pass(2);
  assert.deepEqual(told, [], "nothing was begun yet");
  feed.sendNow();
  site.intervalMs = 5 * MINUTE_MS;
  feed.intervalChanged();
  await pass(6);
  assert.deepEqual(told, [2, 7]);
  await pass(2);
  site.intervalMs = MINUTE_MS;
  feed.intervalChanged();
  await pass(1);
  assert.deepEqual(told, [2, 7, 10, 11]);
});

test("who asks for one more has the interval begin anew", async () => {
  const { feed, told, pass } = setUp();
  feed.sendNow();
  await pass(0.5);
  feed.sendNow();
  await pass(1);
  assert.deepEqual(told, [0, 0.5, 1.5]);
});

test("where nobody takes it, it is kept: all of the first hour, then thinned; what is left when somebody does", async () => {
  const { feed, uplink, told, kept, pass } = setUp();
  uplink.isOpen = false;
  feed.sendNow();
  await pass(60);
  const inFirstHour = kept.length;
  assert.ok(inFirstHour >= 58 && inFirstHour <= 61, String(inFirstHour));
  await pass(120);
  assert.ok(kept.length - inFirstHour <= 13, "every ten minutes");
  assert.deepEqual(told, []);
  uplink.isOpen = true;
  await pass(2);
  assert.ok(told.length >= 1);
  const afterwards = kept.length;
  uplink.isPaused = true;
  await pass(2);
  assert.ok(kept.length > afterwards, "a NOC that takes nothing in");
});

test("what cannot be read is said once, and tried again", async () => {
  let fault: Error | undefined = new Error("no /proc");
  const { feed, told, log, pass } = setUp(async () => {
    if (fault !== undefined) throw fault;
    return {};
  });
  feed.sendNow();
  await pass(3);
  assert.deepEqual(log.lines, ["telemetry cannot be read: no /proc"]);
  fault = undefined;
  await pass(1);
  assert.equal(told.length, 1);
});

test("a reading that takes its time is not begun twice", async () => {
  const reads: ((sample: Sample) => void)[] = [];
  const { feed, told, pass } = setUp(() => new Promise((resolve) => reads.push(resolve)));
  feed.sendNow();
  await pass(3);
  assert.equal(reads.length, 1);
  reads[0]!({});
  await pass(1);
  assert.deepEqual([reads.length, told.length], [2, 1]);
});

test("an outbox that takes no telemetry is a warning", async () => {
  const { feed, uplink, log, pass } = setUp();
  uplink.isOpen = false;
  uplink.add = () => Promise.reject(new Error("too large"));
  feed.sendNow();
  await pass(2);
  assert.ok(log.lines.length > 0 && log.lines.every((line) => line === "telemetry is not kept: too large"), log.lines.join());
});

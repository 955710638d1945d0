// When a retained document is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { deferred } from "#base/deferred.ts";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { RetainedFeed } from "./retained-feed.ts";

function setUp() {
  const timers = new ManualTimers(new FakeClock());
  const said: object[] = [];
  const site = { isOpen: true, body: { sw: "1" } as Record<string, unknown>, reading: Promise.resolve(), fails: false };
  const feed = new RetainedFeed({
    uplink: {
      get isOpen() {
        return site.isOpen;
      },
    },
    name: "info",
    async publish(document) {
      if (site.fails) throw new Error("gone");
      said.push(document);
    },
    read: () => site.reading.then(() => site.body),
    schedule: timers.schedule,
    log: silentLog,
  });
  const pass = async (ms: number): Promise<void> => {
    timers.passMs(ms);
    for (let i = 0; i < 5; i++) await setImmediate();
  };
  return { timers, said, site, feed, pass };
}

test("after each birth, and then when it has changed", async () => {
  const { said, site, feed, pass, timers } = setUp();
  feed.tell();
  await pass(0);
  assert.deepEqual(said, [{ sw: "1" }]);
  await pass(600_000);
  assert.equal(said.length, 1);
  site.body = { sw: "1", cams: { gate: {} } };
  await pass(60_000);
  assert.deepEqual(said.at(-1), site.body);
  feed.tell();
  await pass(0);
  assert.equal(said.length, 3);
  feed.close();
  assert.deepEqual(timers.delaysMs, []);
});

test("what could not be told is told a minute later; without a session nothing is", async () => {
  const { said, site, feed, pass } = setUp();
  site.fails = true;
  feed.tell();
  await pass(0);
  site.fails = false;
  site.isOpen = false;
  await pass(60_000);
  assert.equal(said.length, 0);
  site.isOpen = true;
  await pass(60_000);
  assert.equal(said.length, 1);
});

test("a session that begins while the document is read for a look is told it at once", async () => {
  const { said, site, feed, pass } = setUp();
  feed.tell();
  await pass(0);
  const { promise, resolve } = deferred<void>();
  site.reading = promise;
  await pass(60_000);
  feed.tell();
  resolve();
  await pass(0);
  assert.deepEqual(said, [{ sw: "1" }, { sw: "1" }]);
});

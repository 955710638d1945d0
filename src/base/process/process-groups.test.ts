import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { ProcessGroups } from "./process-groups.ts";

function setUp() {
  const timers = new ManualTimers(new FakeClock());
  const told: string[] = [];
  const alive = new Set<number>();
  const groups = new ProcessGroups({
    watch: {
      add: (group) => told.push(`watch ${group}`),
      drop: (group) => told.push(`drop ${group}`),
      close: () => told.push("close"),
    },
    schedule: timers.schedule,
    signal: (group, signal) => {
      if (signal !== 0) told.push(`${signal} ${group}`);
      return alive.has(group);
    },
  });
  const add = (group: number): void => {
    alive.add(group);
    groups.add(group, () => told.push(`gone ${group}`));
  };
  /** What happened since the last call. */
  const news = (): string[] => told.splice(0);
  return { timers, groups, alive, add, news };
}

test("a group is gone with its first process, when nothing is left of it", () => {
  const { timers, groups, alive, add, news } = setUp();
  add(7);
  alive.delete(7);
  groups.leaderEnded(7);
  assert.deepEqual(news(), ["watch 7", "drop 7", "gone 7"]);
  groups.interrupt(7);
  groups.leaderEnded(7);
  assert.deepEqual(news(), [], "the number may be somebody else's by now");
  assert.deepEqual(timers.delaysMs, []);
});

test("what is left of it is looked after until it is gone", () => {
  const { timers, groups, alive, add, news } = setUp();
  add(7);
  groups.leaderEnded(7);
  timers.passMs(5000);
  assert.deepEqual(news(), ["watch 7"]);
  alive.delete(7);
  timers.passMs(250);
  assert.deepEqual(news(), ["drop 7", "gone 7"]);
  assert.deepEqual(timers.delaysMs, []);
});

test("an interrupt, once; ten seconds later a kill; then the dead that nobody collects count as gone", () => {
  const { timers, groups, add, news } = setUp();
  add(7);
  add(8);
  groups.leaderEnded(8);
  groups.interruptAll();
  groups.interrupt(7);
  assert.deepEqual(news(), ["watch 7", "watch 8", "SIGINT 7", "SIGINT 8"]);
  timers.passMs(10_000);
  assert.deepEqual(news(), ["SIGKILL 7", "SIGKILL 8", "drop 8", "gone 8"]);
  groups.leaderEnded(7);
  assert.deepEqual(news(), ["drop 7", "gone 7"]);
});

test("of too many that were left in the background, the oldest is let go", () => {
  const { groups, add, news } = setUp();
  for (let group = 1001; group <= 1257; group++) {
    add(group);
    groups.leaderEnded(group);
  }
  assert.deepEqual(
    news().filter((line) => !line.startsWith("watch")),
    ["drop 1001", "gone 1001"],
  );
});

test("close leaves what still runs to the watch", () => {
  const { timers, groups, add, news } = setUp();
  add(7);
  groups.leaderEnded(7);
  groups.interrupt(7);
  groups.close();
  assert.deepEqual(news(), ["watch 7", "SIGINT 7", "close"]);
  assert.deepEqual(timers.delaysMs, []);
});

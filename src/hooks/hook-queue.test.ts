import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type Deferred, deferred } from "#base/deferred.ts";
import { HookQueue } from "./hook-queue.ts";

function setUp(limits = { running: 2, waiting: 2 }) {
  const full: string[] = [];
  const started: string[] = [];
  const ends = new Map<string, Deferred<void>>();
  const queue = new HookQueue({ onFull: (lane, fate) => full.push(`${lane} ${fate}`) });
  const enter = (lane: string, name: string) =>
    queue.enter(lane, limits, () => {
      started.push(name);
      ends.set(name, deferred());
      return ends.get(name)!.promise;
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)!.resolve();
    await turns();
  };
  return { queue, enter, end, full, started };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await setImmediate();
}

test("runs so many, lets so many wait in order, drops the rest", async () => {
  const { enter, end, full, started } = setUp();
  assert.deepEqual(
    ["a", "b", "c", "d", "e"].map((name) => enter("read", name) !== undefined),
    [true, true, true, true, false],
  );
  assert.deepEqual(started, [], "not while whoever asks is at work");
  await turns();
  assert.deepEqual(started, ["a", "b"]);
  assert.deepEqual(full, ["read waits", "read waits", "read dropped"]);
  await end("b");
  assert.deepEqual(started, ["a", "b", "c"]);
  assert.ok(enter("read", "f"));
  await end("a");
  await end("c");
  assert.deepEqual(started, ["a", "b", "c", "d", "f"]);
});

test("one in a turn, and the lanes take turns", async () => {
  const { enter, started } = setUp({ running: 9, waiting: 0 });
  for (const name of ["r1", "r2", "r3"]) enter("read", name);
  for (const name of ["u1", "u2"]) enter("unread", name);
  await turns();
  assert.deepEqual(started, ["r1", "u1", "r2", "u2", "r3"]);
});

test("a full lane does not hold up another", async () => {
  const { enter, started } = setUp({ running: 1, waiting: 1 });
  for (const name of ["r1", "r2"]) enter("read", name);
  enter("init", "i1");
  await turns();
  assert.deepEqual(started, ["r1", "i1"]);
});

test("what is taken back, or waits when all is cleared, is not started", async () => {
  const { queue, enter, end, started } = setUp({ running: 1, waiting: 3 });
  const leave = ["a", "b", "c", "d"].map((name) => enter("read", name));
  await turns();
  leave[0]!();
  leave[1]!();
  assert.equal(queue.clear(), 2);
  await end("a");
  assert.deepEqual(started, ["a"]);
});

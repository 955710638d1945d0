import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogRecord } from "./log-line.ts";
import { LogQueue, type LogQueueOptions } from "./log-queue.ts";

const time = new Date(0);
const record = (text: string): LogRecord => ({ time, level: "info", text });

/** A sink whose every write waits until it is told to succeed or fail. */
function setup(options: Partial<LogQueueOptions> = {}) {
  const batches: string[][] = [];
  const faults: string[] = [];
  const pausesMs: number[] = [];
  let settle: ((error?: Error) => void) | undefined;
  let closed = false;
  const sink = {
    name: "the sink",
    write(records: readonly LogRecord[]): Promise<void> {
      batches.push(records.map(({ text }) => text));
      return new Promise((resolve, reject) => {
        settle = (error) => (error === undefined ? resolve() : reject(error));
      });
    },
    async close() {
      closed = true;
    },
  };
  const pause = async (ms: number) => {
    pausesMs.push(ms);
  };
  const queue = new LogQueue(sink, { onFault: (text) => faults.push(text), now: () => time, pause, ...options });
  const answer = async (error?: Error) => {
    settle?.(error);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { queue, batches, faults, pausesMs, answer, isClosed: () => closed };
}

test("what comes while a write is under way goes out together", async () => {
  const { queue, batches, answer } = setup();
  for (const text of ["a", "b", "c"]) queue.push(record(text));
  assert.deepEqual(batches, [["a"]]);
  await answer();
  assert.deepEqual(batches, [["a"], ["b", "c"]]);
});

test("a batch is bounded", async () => {
  const { queue, batches, answer } = setup({ batchLength: 10 });
  for (const text of ["a", "bbbbb", "ccccc", "ddddddddddddddd", "e"]) queue.push(record(text));
  for (let i = 0; i < 4; i++) await answer();
  assert.deepEqual(batches, [["a"], ["bbbbb", "ccccc"], ["ddddddddddddddd"], ["e"]]);
});

test("a slow sink costs lines, and says how many where they are missing", async () => {
  const { queue, batches, answer } = setup({ limitLength: 150 });
  for (const text of ["a", "b", "c", "d", "e"]) queue.push(record(text));
  await answer();
  await answer();
  assert.deepEqual(batches, [["a"], ["b", "c"], ["2 log lines were dropped: the sink did not take them"]]);
});

test("a broken sink is reported once, retried with pauses, and recovers", async () => {
  const { queue, batches, faults, pausesMs, answer } = setup();
  queue.push(record("a"));
  queue.push(record("b"));
  await answer(new Error("disk full"));
  queue.push(record("c"));
  await answer(new Error("disk full"));
  await answer();
  await answer();
  assert.deepEqual(batches, [["a"], ["b"], ["c"], ["2 log lines were dropped: the sink did not take them"]]);
  assert.deepEqual(faults, ["the sink cannot be written: disk full"]);
  assert.equal(pausesMs.length, 2);
});

test("closing writes what waits, then closes the sink; later lines are dropped", async () => {
  const { queue, batches, answer, isClosed } = setup();
  queue.push(record("a"));
  queue.push(record("b"));
  const closing = queue.close();
  await answer();
  assert.equal(isClosed(), false);
  await answer();
  await closing;
  assert.equal(isClosed(), true);
  queue.push(record("late"));
  assert.deepEqual(batches, [["a"], ["b"]]);
});

test("a sink that never answers does not hold up the end", async () => {
  const { queue, isClosed } = setup({ closeTimeoutMs: 1 });
  queue.push(record("a"));
  await queue.close();
  assert.equal(isClosed(), true);
});

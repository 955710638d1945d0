import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { OutputLog } from "./output-log.ts";

function setUp() {
  const timers = new ManualTimers(new FakeClock());
  const lines: string[] = [];
  const log = new OutputLog({ line: (text) => lines.push(text), schedule: timers.schedule });
  const stream = new PassThrough();
  log.read(stream);
  const print = async (text: string | Buffer): Promise<void> => {
    stream.write(text);
    await setImmediate();
  };
  const end = async (): Promise<void> => {
    stream.end();
    await once(stream, "close");
  };
  return { timers, lines, log, stream, print, end };
}

test("lines, however they are cut; the last one without a newline; no empty ones", async () => {
  const { lines, print, end, timers } = setUp();
  await print("on");
  await print("e\ntwo\n\n  \nthr");
  assert.deepEqual(lines, ["one", "two"]);
  for (const byte of Buffer.from("éé")) await print(Buffer.of(byte));
  await end();
  assert.deepEqual(lines, ["one", "two", "thréé"]);
  assert.deepEqual(timers.delaysMs, []);
});

test("of a progress line, the last state", async () => {
  const { lines, print, end } = setUp();
  for (let frame = 0; frame < 5; frame++) await print(`frame=${frame}\r`);
  await print("frame=5");
  assert.deepEqual(lines, []);
  await print("\rframe=6\nbye\r\n");
  await end();
  assert.deepEqual(lines, ["frame=6", "bye"]);
});

test("a line without end is cut, not kept", async () => {
  const { lines, print, end } = setUp();
  for (let i = 0; i < 50; i++) await print("x".repeat(1000));
  await end();
  assert.deepEqual(lines, [`${"x".repeat(1000)}…`]);
});

test("a hundred lines in ten seconds, from both streams together; the rest is counted", async () => {
  const { lines, log, print, end, timers } = setUp();
  const other = new PassThrough();
  log.read(other);
  await print("a\n".repeat(60));
  other.end("b\n".repeat(60));
  await once(other, "close");
  assert.equal(lines.length, 100);
  timers.passMs(10_000);
  assert.deepEqual(lines.slice(100), ["(lines left out: 20)"]);
  await print("c\n".repeat(101));
  await end();
  assert.equal(lines.length, 202);
  assert.equal(lines.at(-1), "(lines left out: 1)");
});

test("who prints without end has to wait", async () => {
  const { stream, print, timers, end } = setUp();
  await print("y\n".repeat(6 * 2 ** 20));
  assert.ok(stream.isPaused());
  timers.passMs(10_000);
  assert.ok(!stream.isPaused());
  await end();
});

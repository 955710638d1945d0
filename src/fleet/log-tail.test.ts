import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "#base/log.ts";
import { LogTap } from "#base/log-tap.ts";
import { CommandTable } from "#control/command.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { operationByName } from "./contract/operations.table.ts";
import { LogTail, logTailCommands } from "./log-tail.ts";

const NOW = new Date("2026-03-01T12:00:00.000Z");

function setUp() {
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const tap = new LogTap(silentLog, () => NOW);
  const told: { readonly lid: string; readonly lines: readonly string[]; readonly dropped?: number }[] = [];
  const nowMs = (): number => clock.us / 1000;
  const tail = new LogTail({
    tap,
    tell: (body) => told.push(body as never),
    hide: (text) => text.replaceAll("canary", "<redacted>"),
    utcMs: () => NOW.getTime() + nowMs(),
    schedule: timers.schedule,
  });
  const table = new CommandTable(logTailCommands(tail));
  const context = { caller: { name: "noc", may: () => true }, signal: new AbortController().signal, progress: () => {} };
  const ask = (op: string, input: object) => table.dispatch(op, input, context) as Promise<{ readonly lid: string; readonly exp: number }>;
  return { clock, timers, tap, told, tail, ask };
}

test("lines go together, of the level that was asked for, without secrets, until the lease ends", async () => {
  const { timers, tap, told, ask, clock } = setUp();
  tap.log.info("before");
  const startMs = clock.us / 1000;
  const { lid, exp } = await ask("log.tail", { ttl_s: 60 });
  assert.equal(exp, NOW.getTime() + startMs + 60_000);
  tap.log.debug("too small");
  tap.log.info("one canary");
  tap.log.child("RTSP").error("two");
  assert.deepEqual(told, []);
  timers.passMs(1000);
  assert.deepEqual(told, [{ lid, lines: ["2026-03-01T12:00:00.000Z INF one <redacted>", "2026-03-01T12:00:00.000Z ERR [RTSP] two"] }]);
  tap.log.info("three");
  timers.passMs(59_000);
  assert.equal(told.length, 2);
  tap.log.info("four");
  timers.passMs(10_000);
  assert.deepEqual([told.length, timers.delaysMs], [2, []]);
});

test("lines of before come first where they are asked for; debug is heard whatever the log writes", async () => {
  const { timers, tap, told, ask } = setUp();
  for (let i = 0; i < 10; i++) tap.log.warn(`warning ${i}`);
  tap.log.info("no warning");
  await ask("log.tail", { last: 2, level: "warn" });
  timers.passMs(1000);
  assert.deepEqual(
    told[0]!.lines.map((line) => line.slice(-9)),
    ["warning 8", "warning 9"],
  );
  const other = setUp();
  await other.ask("log.tail", { level: "debug" });
  other.tap.log.debug("small");
  other.timers.passMs(1000);
  assert.equal(other.told.length, 1);
});

test("of more lines of before than one message holds the newest come", async () => {
  const { timers, tap, told, ask } = setUp();
  for (let i = 0; i < 200; i++) tap.log.info(`${"x".repeat(200)} ${i}`);
  const { lid } = await ask("log.tail", { last: 200 });
  timers.passMs(1000);
  const { lines, dropped } = told[0]!;
  assert.equal(told[0]!.lid, lid);
  assert.match(lines.at(-1)!, / 199$/);
  assert.deepEqual([lines.length > 50, lines.length + dropped!], [true, 200]);
});

test("a flood is counted, not sent; a long line is cut", async () => {
  const { timers, tap, told, ask } = setUp();
  await ask("log.tail", {});
  for (let i = 0; i < 500; i++) tap.log.info(`${i}`);
  timers.passMs(1000);
  assert.deepEqual([told[0]!.lines.length, told[0]!.dropped], [50, 450]);
  for (let i = 0; i < 50; i++) tap.log.info("x".repeat(8000));
  timers.passMs(1000);
  assert.ok(JSON.stringify(told[1]).length < 20_000);
  assert.equal(told[1]!.lines.length + told[1]!.dropped!, 50);
});

test("one lease at once: renewed, stopped, and gone with the link", async () => {
  const { timers, tap, told, ask, tail } = setUp();
  const { lid } = await ask("log.tail", { ttl_s: 10 });
  await assert.rejects(ask("log.tail", {}), { code: "too-many" });
  timers.passMs(9000);
  const { exp } = await ask("log.tail", { lid, ttl_s: 10 });
  timers.passMs(9000);
  tap.log.info("still");
  timers.passMs(1000);
  assert.equal(told.length, 1);
  assert.ok(exp > 0);
  await assert.rejects(ask("log.tail", { lid }), { code: "not-found", field: "lid" });
  const second = await ask("log.tail", {});
  tap.log.info("last words");
  await ask("log.stop", { lid: second.lid });
  assert.equal(told.length, 2);
  await assert.rejects(ask("log.stop", { lid: second.lid }), { code: "not-found" });
  await ask("log.tail", {});
  tail.close();
  tap.log.info("nobody");
  timers.passMs(100_000);
  assert.deepEqual([told.length, timers.delaysMs], [2, []]);
});

test("what is asked for is checked, and is what the contract has", async () => {
  const { ask } = setUp();
  for (const [op, input, field] of [
    ["log.tail", { ttl_s: 0 }, "ttl_s"],
    ["log.tail", { ttl_s: 3601 }, "ttl_s"],
    ["log.tail", { ttl_s: "60" }, "ttl_s"],
    ["log.tail", { level: "all" }, "level"],
    ["log.tail", { last: 201 }, "last"],
    ["log.tail", { lid: 7 }, "lid"],
    ["log.tail", { path: "/etc" }, "path"],
    ["log.stop", {}, "lid"],
  ] as const)
    await assert.rejects(ask(op, input), { code: "invalid", field }, `${op} ${JSON.stringify(input)}`);
  const { properties } = operationByName.get("log.tail")!.args as { readonly properties: object };
  assert.deepEqual(Object.keys(properties).sort(), ["last", "level", "lid", "ttl_s"]);
});

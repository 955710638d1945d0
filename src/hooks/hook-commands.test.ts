import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { isRunning } from "#testing/is-running.ts";
import { lastingProgram } from "#testing/lasting-program.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { until } from "#testing/peers/until.ts";
import { HookCommands, type HookCommandsOptions } from "./hook-commands.ts";

const READY = /\] ready/;
/** The clock that everybody has. The default where a test names none is one of its own. */
const realTimers = (run: () => void, delayMs: number): (() => void) => {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
};

function setUp(t: TestContext, options: Omit<HookCommandsOptions, "log"> = {}) {
  const log = new AwaitedLog();
  const timers = new ManualTimers(new FakeClock());
  const commands = new HookCommands({ log, schedule: timers.schedule, environment: lastingProgram, ...options });
  t.after(async () => {
    const closed = commands.close();
    const ticking = setInterval(() => timers.passMs(5000), 10);
    await closed;
    clearInterval(ticking);
  });
  const start = (line: string, { restart = false, variables = {} } = {}) =>
    commands.start({ name: "runOnRead", line, restart, variables, log });
  const launch = (line: string, variables = {}) => commands.launch({ name: "runOnUnread", line, variables, log });
  return { log, timers, commands, start, launch };
}

test("variables are in the environment and in the words, where no value adds a word or means anything", async (t) => {
  const { log, launch } = setUp(t, { environment: { PATH: process.env["PATH"], HERE: "inherited", MTX_PATH: "inherited" } });
  const hostile = 'a b\' "c" $(id) `id` ; $HERE *';
  launch(`sh -c 'printf [%s] "$@"; env | sort | sed "s/^/ /"' - $MTX_PATH $VALUE "\${HERE}/x" $NOWHERE`, {
    MTX_PATH: "cam",
    VALUE: hostile,
  });
  await log.line(/PWD/);
  const printed = log.lines.filter((line) => line.startsWith("[runOnUnread]")).join("\n");
  assert.ok(printed.includes(`[cam][${hostile}][inherited/x][]`), printed);
  for (const variable of ["HERE=inherited", "MTX_PATH=cam", `VALUE=${hostile}`]) assert.ok(printed.includes(` ${variable}`), printed);
});

test("a lasting command is interrupted with its whole group when it is stopped", async (t) => {
  const { log, start } = setUp(t, { schedule: realTimers });
  const stop = start(`sh -c '"$NODE" -e "$LASTS" inner; echo outer went on'`);
  await log.line(READY);
  stop();
  stop();
  await log.line(/command stopped/);
  assert.ok(log.lines.some((line) => line.endsWith("interrupted inner")));
  assert.ok(!log.lines.some((line) => line.endsWith("outer went on")));
  assert.deepEqual(log.lines.slice(0, 1), ["runOnRead command started"]);
});

test("who does not mind being interrupted is killed after ten seconds", async (t) => {
  const { log, start, timers } = setUp(t);
  const stop = start(`sh -c "trap '' INT; echo ready $$; exec sleep 1000"`);
  const pid = Number((await log.line(READY)).split(" ").at(-1));
  stop();
  timers.passMs(9999);
  assert.ok(isRunning(pid));
  timers.passMs(1);
  await log.line(/command stopped/);
  assert.ok(!isRunning(pid));
});

test("what it leaves in the background belongs to it", async (t) => {
  const { log, start, timers } = setUp(t);
  // A shell without a terminal starts background commands with SIGINT ignored.
  const stop = start("sh -c 'sleep 1000 >/dev/null & echo left $!; exit 3'");
  const pid = Number((await log.line(/left/)).split(" ").at(-1));
  await log.line(/runOnRead command exited with code 3/);
  assert.ok(isRunning(pid));
  stop();
  timers.passMs(10_000);
  await log.line(/command stopped/);
  await until("its end", () => !isRunning(pid));
});

test("restart: five seconds after each end, until it is stopped", async (t) => {
  const { log, start, timers } = setUp(t);
  const stop = start("echo run", { restart: true });
  for (let run = 1; run <= 3; run++) {
    await log.line(/\] run/, run);
    await until("the pause", () => timers.delaysMs.includes(5000));
    timers.passMs(4999);
    assert.equal(log.lines.filter((line) => line.endsWith("exited with code 0")).length, run);
    timers.passMs(1);
  }
  await log.line(/\] run/, 4);
  await until("the pause", () => timers.delaysMs.includes(5000));
  stop();
  await log.line(/command stopped/);
  assert.deepEqual(timers.delaysMs, []);
});

test("restart: what the last run left in the background is ended before", async (t) => {
  const { log, start, timers } = setUp(t);
  const stop = start("sh -c 'sleep 1000 >/dev/null & echo left $!'", { restart: true });
  const pid = Number((await log.line(/left/)).split(" ").at(-1));
  await log.line(/exited with code 0/);
  timers.passMs(10_000);
  await until("the pause", () => timers.delaysMs.includes(5000));
  await until("its end", () => !isRunning(pid));
  timers.passMs(5000);
  await log.line(/left/, 2);
  stop();
});

test("a program that is not there is tried again; a line that cannot be one is not", async (t) => {
  const { log, start, launch, timers } = setUp(t);
  start("/no/such/program", { restart: true });
  await log.line(/runOnRead command cannot be started: spawn \/no\/such\/program ENOENT/);
  await until("the pause", () => timers.delaysMs.includes(5000));
  timers.passMs(5000);
  await log.line(/cannot be started/, 2);
  launch("/no/such/program");
  await log.line(/runOnUnread command cannot be started/);
  launch("printf $V", { V: "a\0b" });
  await log.line(/runOnUnread command cannot be started: .*null bytes/);
  launch("echo 'it");
  await log.line(/^runOnUnread: a quote or a backslash of the command has no end$/);
});

test("an empty line is no command", async (t) => {
  const { log, start, launch, commands } = setUp(t);
  start("");
  launch(" \n");
  await commands.close();
  assert.deepEqual(log.lines, []);
});

test("more than may run wait, more than may wait are dropped; those that wait at the end are not started", async (t) => {
  const { log, launch, commands, timers } = setUp(t, { limits: { once: { running: 1, waiting: 1 } } });
  for (const number of [1, 2, 3]) launch(`sh -c 'echo ready ${number}; exec sleep 1000'`);
  await log.line(READY);
  timers.passMs(1000);
  await log.line(/^too many commands at once: 1 × runOnUnread waits, 1 × runOnUnread dropped/);
  const closed = commands.close();
  timers.passMs(10_000);
  await closed;
  assert.ok(log.lines.includes("commands of hooks that were not started before the end: 1"));
  assert.ok(log.lines.includes("runOnUnread command was ended by SIGINT"));
  assert.ok(!log.lines.some((line) => line.includes("ready 2")));
});

test("the end: lasting commands are interrupted, one-shot commands come to theirs, nothing new begins", async (t) => {
  const { log, start, launch, commands } = setUp(t, { schedule: realTimers });
  start("$NODE -e $LASTS lasting");
  await log.line(READY);
  launch("sh -c 'sleep 0.1; echo first'");
  launch("sh -c 'sleep 0.1; echo second'");
  const closed = commands.close();
  launch("echo too late");
  start("echo too late");
  assert.equal(commands.close(), closed);
  await closed;
  for (const line of ["[runOnRead] interrupted lasting", "runOnRead command stopped", "[runOnUnread] first", "[runOnUnread] second"])
    assert.ok(log.lines.includes(line), line);
  assert.ok(!log.lines.some((line) => line.includes("too late")));
});

test("who is stopped before its turn is never started", async (t) => {
  const { log, start, commands } = setUp(t);
  start("echo run")();
  await commands.close();
  assert.deepEqual(log.lines, []);
});

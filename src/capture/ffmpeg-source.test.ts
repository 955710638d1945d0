import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerFault, type PeerFaultCode } from "#base/errors.ts";
import { OrphanWatch } from "#base/process/orphan-watch.ts";
import { ProcessGroups } from "#base/process/process-groups.ts";
import type { SourceSink } from "#relay/source.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { openInlet } from "#testing/inlet.ts";
import { isRunning } from "#testing/is-running.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import type { TestScope } from "#testing/peers/run-peer.ts";
import { until } from "#testing/peers/until.ts";
import { FfmpegSource } from "./ffmpeg-source.ts";

const NO_MEDIA: SourceSink = { ready: () => assert.fail("there is no media") };

/** Programs in the place of ffmpeg: `script` runs with the URL to publish to as its argument. */
function setUp(t: TestScope, script: string, program = process.execPath) {
  const timers = new ManualTimers(new FakeClock());
  const log = new AwaitedLog();
  const groups = new ProcessGroups({ watch: new OrphanWatch(log), schedule: timers.schedule });
  const abort = new AbortController();
  t.after(async () => {
    groups.interruptAll();
    timers.passMs(10_000);
    groups.close();
  });
  const source = new FfmpegSource({
    name: "gate",
    program,
    arguments: (output) => ["-e", script, output],
    environment: process.env,
    inlet: openInlet(t),
    groups,
    schedule: timers.schedule,
    log,
  });
  return { timers, log, abort, source, run: () => source.run(NO_MEDIA, abort.signal) };
}

function fault(code: PeerFaultCode, message: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof PeerFault);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

test("the last line that it prints is the fault, without the password of a URL", async (t) => {
  const script = "console.error('first\\nrtsp://user:secret@camera/x: Connection refused\\n'); process.exitCode = 8";
  const { run, log } = setUp(t, script);
  const expected = /^ffmpeg exited with code 8: rtsp:\/\/user:\*\*\*@camera\/x: Connection refused$/;
  await assert.rejects(run(), fault("ended", expected));
  assert.deepEqual(
    log.lines,
    ["[ffmpeg] first", "[ffmpeg] rtsp://user:secret@camera/x: Connection refused"],
    "the log takes it out itself",
  );
});

test("it is told where to publish, in a place of its own", async (t) => {
  const { run, log } = setUp(t, "console.error(process.argv[1])");
  await assert.rejects(run(), fault("ended", /exited with code 0/));
  await assert.rejects(run(), fault("ended", /exited with code 0/));
  const [first, second] = log.lines;
  for (const line of [first, second]) assert.match(line!, /^\[ffmpeg\] rtsp:\/\/127\.0\.0\.1:\d+\/gate\/[0-9a-f]{32}$/);
  assert.notEqual(first, second);
});

test("no ffmpeg on this machine", async (t) => {
  const { run } = setUp(t, "", "no-such-program");
  await assert.rejects(run(), fault("config", /^there is no ffmpeg on the PATH: install it$/));
});

test("it delivers nothing: it is ended, and the next attempt may try", async (t) => {
  const { run, timers, log } = setUp(t, "console.error('opening'); setInterval(() => {}, 1e6)");
  const ran = assert.rejects(run(), fault("timeout", /^ffmpeg delivered nothing within 30 s: opening$/));
  await log.line(/opening/);
  timers.passMs(30_000);
  await ran;
});

test("an abort interrupts it; it is killed when that does not help within ten seconds", async (t) => {
  const { run, timers, log, abort } = setUp(
    t,
    "process.on('SIGINT', () => console.error('no')); console.error(process.pid); setInterval(() => {}, 1e6)",
  );
  const ran = run();
  const pid = Number(/\d+/.exec(await log.line(/\d+/))![0]);
  abort.abort();
  await log.line(/no$/);
  timers.passMs(9999);
  assert.ok(isRunning(pid));
  timers.passMs(1);
  await ran;
  assert.ok(!isRunning(pid));
});

test("what it leaves behind is ended with it", async (t) => {
  const child = "require('child_process').spawn('sleep', ['1000'], { stdio: 'ignore' })";
  const { run, timers, log } = setUp(t, `const { pid } = ${child}; console.error(pid); process.exit(0)`);
  const ran = assert.rejects(run(), fault("ended", /exited with code 0/));
  const pid = Number(/\d+/.exec(await log.line(/\d+/))![0]);
  await until("the end of all", () => {
    timers.passMs(250);
    return !isRunning(pid);
  });
  timers.passMs(10_000); // where nobody collects the dead, it counts as there until it would be killed
  await ran;
});

test("an abort before the start starts nothing", async (t) => {
  const { run, log, abort } = setUp(t, "console.error('started')");
  abort.abort();
  await run();
  assert.deepEqual(log.lines, []);
});

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { PeerFault, type PeerFaultCode } from "#base/errors.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import type { Source, SourceSink, SourceState } from "./source.ts";
import { SourceRunner } from "./source-runner.ts";

/** A runner whose attempts end when and how the test says. */
function setUp(t: TestContext, random = 0.5, isReachable?: () => Promise<boolean>) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const clock = new FakeClock();
  const states: SourceState[] = [];
  const lost: string[] = [];
  let attempts = 0;
  let current: { sink: SourceSink; fail(error: Error | undefined): void; signal: AbortSignal } | undefined;
  const open = (): Source => ({
    run: (sink, signal) =>
      new Promise<void>((resolve, reject) => {
        attempts++;
        current = { sink, signal, fail: (error) => (error === undefined ? resolve() : reject(error)) };
      }),
    ...(isReachable !== undefined && { isReachable }),
  });
  const runner = new SourceRunner({
    clock,
    random: () => random,
    open,
    sink: () => ({ ready: () => () => {} }),
    onState: (state) => states.push(state),
    onLost: (fault) => lost.push(fault.code),
  });
  const ended = runner.run();
  /** Ends the attempt and returns how long the runner waits for the next, ms. */
  const waitAfter = async (error: Error | undefined, liveMs?: number): Promise<number> => {
    if (liveMs !== undefined) {
      current!.sink.state!("live");
      clock.passMs(liveMs);
    }
    const before = attempts;
    current!.fail(error);
    await setImmediate();
    let waitedMs = 0;
    for (; attempts === before && waitedMs < 400_000; waitedMs += 50) {
      t.mock.timers.tick(50);
      await setImmediate();
    }
    return waitedMs;
  };
  const fault = (code: PeerFaultCode): PeerFault => new PeerFault(code, code);
  return { clock, runner, states, lost, ended, waitAfter, fault, current: () => current!, attempts: () => attempts };
}

test("a peer that nobody found is asked for every two seconds of a long wait, and an answer ends it", async (t) => {
  let asked = 0;
  let answers = false;
  const { waitAfter, fault } = setUp(t, 0.5, () => {
    asked++;
    return Promise.resolve(answers);
  });
  for (const waitMs of [500, 1000, 2000]) assert.equal(await waitAfter(fault("connect")), waitMs);
  assert.equal(asked, 0);
  assert.equal(await waitAfter(fault("connect")), 4000);
  assert.equal(asked, 1);
  assert.equal(await waitAfter(fault("timeout")), 8000);
  assert.equal(asked, 1, "one that was found and did not answer is left alone");
  answers = true;
  assert.equal(await waitAfter(fault("connect")), 2000);
});

test("waits 0.5, 1, 2, 4, 8 and from then on 15 s", async (t) => {
  const { waitAfter, fault, lost } = setUp(t);
  const waits: number[] = [];
  for (let i = 0; i < 7; i++) waits.push(await waitAfter(fault("connect")));
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  assert.equal(lost.length, 7);
});

test("varies by a fifth: down to 0.4 s", async (t) => {
  const { waitAfter, fault } = setUp(t, 0);
  assert.equal(await waitAfter(fault("connect")), 400);
});

test("varies by a fifth: up to 0.6 s", async (t) => {
  const { waitAfter, fault } = setUp(t, 0.99);
  assert.equal(await waitAfter(fault("connect")), 600);
});

test("starts over after 30 s of live media, and not before", async (t) => {
  const { waitAfter, fault } = setUp(t);
  for (let i = 0; i < 4; i++) await waitAfter(fault("connect"));
  assert.equal(await waitAfter(fault("ended"), 29_999), 8000);
  assert.equal(await waitAfter(fault("ended"), 30_000), 500);
});

test("wrong credentials: 30 s, doubling to 5 min; a busy camera: 10 s; both leave the other waits as they are", async (t) => {
  const { waitAfter, fault } = setUp(t);
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) waits.push(await waitAfter(fault("auth")));
  assert.deepEqual(waits, [30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
  assert.equal(await waitAfter(fault("busy")), 10_000);
  assert.equal(await waitAfter(fault("connect")), 500);
});

test("a source that ends, and one that fails in words of its own, are tried again", async (t) => {
  const { waitAfter, runner, lost } = setUp(t);
  assert.equal(await waitAfter(undefined), 500);
  assert.equal(runner.lastError?.code, "ended");
  assert.equal(await waitAfter(new Error("odd")), 1000);
  assert.deepEqual(lost, ["ended", "protocol"]);
  assert.equal(runner.reconnects, 2);
});

test("tells where it stands", async (t) => {
  const { waitAfter, fault, current, states, runner, ended } = setUp(t);
  current().sink.state!("probing");
  current().sink.state!("live");
  current().sink.state!("live");
  await waitAfter(fault("stalled"));
  await waitAfter(fault("auth"));
  await waitAfter(fault("config"));
  const { signal } = current();
  runner.stop();
  assert.ok(signal.aborted);
  current().fail(fault("aborted"));
  await ended;
  assert.deepEqual(states, ["connecting", "probing", "live", "backoff", "connecting", "auth", "connecting", "config", "connecting", "off"]);
});

test("a stop ends the wait", async (t) => {
  const { fault, current, runner, ended, attempts } = setUp(t);
  current().fail(fault("connect"));
  await setImmediate();
  assert.equal(runner.state, "backoff");
  runner.stop();
  await ended;
  assert.equal(runner.state, "off");
  assert.equal(attempts(), 1);
});

test("a source that cannot be opened is a fault like any other", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const lost: PeerFault[] = [];
  const runner = new SourceRunner({
    clock: new FakeClock(),
    random: () => 0.5,
    open: () => {
      throw new PeerFault("config", "no such scheme");
    },
    sink: () => ({ ready: () => () => {} }),
    onState: () => {},
    onLost: (fault) => lost.push(fault),
  });
  const ended = runner.run();
  await setImmediate();
  assert.equal(runner.state, "config");
  assert.deepEqual(
    lost.map(({ message }) => message),
    ["no such scheme"],
  );
  runner.stop();
  await ended;
});

test("a restart ends the session, and half a second later there is another", async (t) => {
  const { runner, waitAfter, fault, lost, states, current, clock } = setUp(t);
  await waitAfter(fault("connect"));
  const first = current();
  first.sink.state!("live");
  first.sink.linked!({ remote: { address: "192.0.2.7", port: 554 }, transport: "TCP", counters: () => ({}) });
  assert.equal(runner.link?.transport, "TCP");
  first.signal.addEventListener("abort", () => first.fail(fault("aborted")));
  clock.passMs(7000);
  runner.restart();
  assert.equal(await waitAfter(fault("aborted")), 500);
  assert.deepEqual(lost, ["connect", "aborted"]);
  assert.equal(runner.lastError?.message, "ended on request");
  assert.equal(runner.link, undefined);
  assert.equal(runner.stateSinceUs, clock.nowUs());
  assert.deepEqual(states.slice(-3), ["live", "backoff", "connecting"]);
  assert.ok(!current().signal.aborted);
});

test("a restart ends a long wait, and does not count as a failure of the peer", async (t) => {
  const { runner, fault, current, attempts, waitAfter } = setUp(t);
  current().fail(fault("auth"));
  await setImmediate();
  runner.restart();
  runner.restart();
  await setImmediate();
  t.mock.timers.tick(500);
  await setImmediate();
  assert.equal(attempts(), 2);
  assert.equal(await waitAfter(fault("busy")), 10_000);
});

test("stopped while it waits behind a restart, it does not connect again", async (t) => {
  const { runner, ended, fault, current, attempts } = setUp(t);
  current().fail(fault("auth"));
  await setImmediate();
  runner.restart();
  await setImmediate();
  runner.stop();
  await ended;
  assert.deepEqual([attempts(), runner.state], [1, "off"]);
});

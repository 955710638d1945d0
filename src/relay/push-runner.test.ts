import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { deferred } from "#base/deferred.ts";
import { CallerFault, PeerFault } from "#base/errors.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import type { ReadLease } from "./path.ts";
import type { OpenRead, Push } from "./push.ts";
import { PushRunner } from "./push-runner.ts";
import type { Reader } from "./reader.ts";

const READER: Reader = { name: "test", wants: () => undefined, onUnit: () => {}, onEnd: () => {} };

/** A receiver whose attempts the test ends, and a path whose leases it counts. */
function rig({ open }: { readonly open?: () => Promise<void> } = {}) {
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const states: string[] = [];
  const leases = { open: 0, started: 0 };
  const attempts: { live(): void; end(error?: Error): void }[] = [];
  const push: Push = {
    outboundBytes: 100,
    run: async (openRead, signal) => {
      const lease = await openRead(READER);
      const end = deferred<void>();
      attempts.push({ live: () => lease.start(), end: (error) => (error === undefined ? end.resolve() : end.reject(error)) });
      signal.addEventListener("abort", () => end.resolve());
      await end.promise.finally(() => lease.close());
    },
  };
  const openRead: OpenRead = async () => {
    await open?.();
    leases.open++;
    return { stream: {} as ReadLease["stream"], start: () => leases.started++, pause: () => {}, close: () => leases.open-- };
  };
  const runner = new PushRunner({
    ...{ push, open: openRead, clock, schedule: timers.schedule, random: () => 0.5 },
    onState: (state, fault) => states.push(fault === undefined ? state : `${state} ${fault.code}`),
  });
  return { runner, timers, states, leases, attempts };
}

test("tries again after longer and longer waits; whoever was live for half a minute starts over", async () => {
  const { runner, timers, states, attempts, leases } = rig();
  runner.start();
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    await setImmediate();
    attempts[i]!.end(new PeerFault("connect", "refused"));
    await setImmediate();
    waits.push(timers.delaysMs[0]!);
    timers.passMs(waits[i]!);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 15_000, 15_000]);
  await setImmediate();
  attempts[6]!.live();
  timers.passMs(30_000);
  attempts[6]!.end(new PeerFault("ended", "gone"));
  await setImmediate();
  assert.deepEqual(timers.delaysMs, [1000]);
  assert.deepEqual(states.slice(-3), ["connecting", "live", "backoff ended"]);
  assert.deepEqual([leases.open, leases.started, runner.outboundBytes], [0, 1, 700]);
  await runner.stop();
  assert.deepEqual([runner.state, timers.delaysMs], ["off", []]);
});

test("who refuses the credentials, or is full, is left alone for longer", async () => {
  for (const [code, waitMs] of [
    ["auth", 60_000],
    ["config", 60_000],
    ["busy", 10_000],
  ] as const) {
    const { runner, timers, attempts } = rig();
    runner.start();
    await setImmediate();
    attempts[0]!.end(new PeerFault(code, "no"));
    await setImmediate();
    assert.deepEqual(timers.delaysMs, [waitMs], code);
    await runner.stop();
  }
});

test("a path without a stream is a fault as any other, and so is an error of ours", async () => {
  let fault: Error = new CallerFault("no-stream", "no stream is available");
  const { runner, timers, states } = rig({ open: () => Promise.reject(fault) });
  runner.start();
  await setImmediate();
  assert.equal(states.at(-1), "backoff no-stream");
  fault = new TypeError("a bug");
  timers.passMs(1000);
  await setImmediate();
  assert.equal(states.at(-1), "backoff protocol");
  await runner.stop();
});

test("stopped while it waits for a source, it does not wait; the place that comes too late is given back", async () => {
  const source = deferred<void>();
  const { runner, states, leases } = rig({ open: () => source.promise });
  runner.start();
  await setImmediate();
  await runner.stop();
  assert.deepEqual(states, ["connecting", "off"]);
  source.resolve();
  await setImmediate();
  assert.equal(leases.open, 0);
});

test("stopped while it is live, or before it began", async () => {
  const { runner, attempts, leases, states, timers } = rig();
  runner.start();
  await setImmediate();
  attempts[0]!.live();
  await runner.stop();
  assert.deepEqual([states, leases.open, timers.delaysMs], [["connecting", "live", "off"], 0, []]);
  const other = rig();
  await other.runner.stop();
  other.runner.start();
  await setImmediate();
  assert.deepEqual([other.attempts.length, other.states], [0, []]);
});

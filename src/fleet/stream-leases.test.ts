import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type Deferred, deferred } from "#base/deferred.ts";
import { CallerFault, PeerFault } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import type { CommandFault } from "./command-fault.ts";
import { type LeaseEvent, type LeaseFault, type LeaseState, type LeaseWish, StreamLeases } from "./stream-leases.ts";

const EPOCH_MS = 1_795_360_000_000;

function rig() {
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const events: LeaseEvent[] = [];
  const startMs = clock.nowUs() / 1000;
  let ids = 0;
  const leases = new StreamLeases({
    nowMs: () => clock.nowUs() / 1000,
    utcMs: (atMs) => EPOCH_MS + atMs - startMs,
    schedule: timers.schedule,
    newId: () => `L${++ids}`,
    tell: (event) => events.push(event),
    log: silentLog,
  });
  /** What the test does to a push, and what was done to it. */
  const pushes: {
    enter(state: LeaseState, fault?: LeaseFault): void;
    started: number;
    stopped: number;
    readonly gone: Pick<Deferred<void>, "resolve">;
  }[] = [];
  const wish = (ttlMs = 60_000, host = "noc.example"): LeaseWish => ({
    ...{ cam: "gate", proto: "rtsp", host, ttlMs, by: "noc-2026a" },
    open: (_lid, onState) => {
      const gone = deferred<void>();
      const push = { enter: onState, started: 0, stopped: 0, gone };
      pushes.push(push);
      return {
        outboundBytes: 1234,
        start: () => void push.started++,
        stop: () => {
          push.stopped++;
          return gone.promise;
        },
      };
    },
  });
  const told = () => events.map(({ phase, data }) => `${phase} ${String(data["st"] ?? data["why"] ?? data["by"])}`);
  return { leases, timers, pushes, wish, events, told };
}

test("a lease ends by itself, to the millisecond, unless it is renewed", () => {
  const { leases, timers, pushes, wish, told } = rig();
  const { lid } = leases.grant(wish());
  pushes[0]!.enter("live");
  assert.deepEqual(leases.report(lid), {
    ...{
      lid: "L1",
      cam: "gate",
      proto: "rtsp",
      to: "noc.example",
      st: "live",
      since: EPOCH_MS,
      exp: EPOCH_MS + 60_000,
      bytes: 1234,
      err: null,
    },
  });
  timers.passMs(59_999);
  assert.equal(leases.renew(lid).exp, EPOCH_MS + 59_999 + 60_000);
  timers.passMs(59_999);
  assert.deepEqual([pushes[0]!.started, pushes[0]!.stopped], [1, 0]);
  timers.passMs(1);
  assert.deepEqual([pushes[0]!.stopped, leases.list()], [1, []]);
  assert.deepEqual(told(), ["new noc-2026a", "update live", "end expired"]);
  assert.throws(() => leases.renew(lid), /there is no lease L1/);
});

test("two at once; a third is told when to come again", async () => {
  const { leases, timers, pushes, wish } = rig();
  leases.grant(wish(60_000));
  const { lid } = leases.grant(wish(30_000));
  timers.passMs(500);
  assert.throws(
    () => leases.grant(wish()),
    (fault: CommandFault) => fault.error.c === "E_BUSY" && fault.error.retry_s === 30,
  );
  const ended = leases.end(lid, "stopped");
  assert.equal(leases.grant(wish()).lid, "L3");
  pushes[1]!.gone.resolve();
  assert.equal(await ended, true);
  assert.equal(await leases.end(lid, "stopped"), false);
  assert.equal(pushes[1]!.stopped, 1);
});

test("the first attempt: live, or failed for now, or failed for good", async () => {
  const { leases, pushes, wish, told } = rig();
  const first = leases.grant(wish());
  pushes[0]!.enter("live");
  assert.equal(await first.firstAttempt, undefined);
  await settled(leases.end(first.lid, "stopped"), pushes[0]!);
  const second = leases.grant(wish());
  pushes[1]!.enter("backoff", new PeerFault("connect", "refused"));
  assert.equal(await second.firstAttempt, undefined);
  assert.deepEqual([leases.report(second.lid).st, leases.report(second.lid).err], ["backoff", "refused"]);
  await settled(leases.end(second.lid, "stopped"), pushes[1]!);
  for (const [i, code] of (["auth", "not-found", "unsupported", "config"] as const).entries()) {
    const { firstAttempt } = leases.grant(wish());
    pushes[2 + i]!.enter("backoff", new PeerFault(code, "never"));
    assert.equal((await firstAttempt)?.code, code);
    assert.deepEqual([leases.list(), pushes[2 + i]!.stopped], [[], 1], code);
    pushes[2 + i]!.gone.resolve();
  }
  assert.equal(told().at(-1), "end refused");
});

test("a receiver that goes and returns: told once each time; what may be mended is waited for until the lease ends", () => {
  const { leases, timers, pushes, wish, events, told } = rig();
  const { lid } = leases.grant(wish());
  const { enter } = pushes[0]!;
  enter("live");
  enter("backoff", new PeerFault("ended", "gone"));
  for (let i = 0; i < 3; i++) {
    enter("connecting");
    assert.equal(leases.report(lid).err, "gone");
    enter("backoff", new PeerFault("auth", "gone"));
  }
  enter("connecting");
  enter("live");
  assert.equal(leases.report(lid).err, null);
  assert.deepEqual(told(), ["new noc-2026a", "update live", "update backoff", "update live"]);
  assert.deepEqual(
    events.map(({ severity }) => severity),
    ["info", "info", "warn", "info"],
  );
  assert.ok(events.every(({ condition, camera }) => condition === "stream.push L1" && camera === "gate"));
  timers.passMs(60_000);
  assert.equal(told().at(-1), "end expired");
});

test("a camera that is removed, and a receiver that is not allowed any more, end it", () => {
  const { leases, pushes, wish, told } = rig();
  leases.grant(wish());
  pushes[0]!.enter("live");
  pushes[0]!.enter("backoff", new PeerFault("ended", "the stream ended"));
  pushes[0]!.enter("backoff", new CallerFault("not-configured", "path 'gate' is not configured"));
  assert.equal(told().at(-1), "end gone");
  leases.grant(wish(60_000, "a.example"));
  leases.grant(wish(60_000, "b.example"));
  leases.recheck((host) => host === "b.example");
  assert.deepEqual([told().at(-1), leases.list().map(({ to }) => to)], ["end denied", ["b.example"]]);
});

test("stopped before its first attempt came to anything: whoever waits is told, and what it still says is not heard", async () => {
  const { leases, timers, pushes, wish, told } = rig();
  const { lid, firstAttempt } = leases.grant(wish());
  const ended = leases.end(lid, "stopped");
  assert.equal((await firstAttempt)?.code, "aborted");
  pushes[0]!.enter("live");
  pushes[0]!.enter("backoff", new PeerFault("connect", "late"));
  assert.deepEqual(told(), ["new noc-2026a", "end stopped"]);
  assert.deepEqual(timers.delaysMs, []);
  await settled(ended, pushes[0]!);
});

test("closed when nothing of any push is left", async () => {
  const { leases, pushes, wish, told } = rig();
  leases.grant(wish());
  const { lid } = leases.grant(wish());
  void leases.end(lid, "stopped");
  let isClosed = false;
  const closed = leases.close().then(() => {
    isClosed = true;
  });
  pushes[0]!.gone.resolve();
  await setImmediate();
  assert.equal(isClosed, false);
  pushes[1]!.gone.resolve();
  await closed;
  assert.deepEqual(told().slice(-2), ["end stopped", "end closed"]);
});

async function settled(ended: Promise<unknown>, push: { readonly gone: Pick<Deferred<void>, "resolve"> }): Promise<void> {
  push.gone.resolve();
  await ended;
}

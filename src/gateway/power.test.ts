// When a gateway may be started anew, and what proves that it was.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CallerFault } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import type { CommandFault } from "#fleet/command-fault.ts";
import { GatewayPower, powerProof } from "./power.ts";

interface Site {
  readonly job?: string;
  readonly lastEnd?: string;
  readonly nowS?: number;
  readonly startedS?: number;
}

function powerOf({ job, lastEnd, nowS = 5000, startedS = 1000 }: Site, machine: () => Promise<void> = async () => {}) {
  const fleet = { farewell: "shutdown", sessions: { lastRun: { bootCounter: 1, clean: lastEnd && { uptimeS: 1, why: lastEnd } } } };
  const context = {
    clock: { nowUs: () => nowS * 1e6 },
    startedUs: startedS * 1e6,
    log: silentLog,
    noc: { jobAtWork: job },
    fleet,
  };
  let restarts = 0;
  const power = new GatewayPower({ context: () => context as never, machine: { reboot: machine }, restart: () => void restarts++ });
  return { power, fleet, restarts: () => restarts };
}

test("nothing is started anew while a job's step runs, nor again within ten minutes", () => {
  const { power } = powerOf({ job: "j-7" });
  for (const op of ["sys.reboot", "sys.restart_app"] as const) {
    assert.throws(
      () => power.check(op),
      (error: CallerFault) => error.code === "conflict" && error.message.includes("j-7"),
    );
    assert.doesNotThrow(() => powerOf({}).power.check(op));
  }
  const after = (op: "sys.reboot" | "sys.restart_app", site: Site): number | undefined => {
    try {
      powerOf(site).power.check(op);
      return undefined;
    } catch (error) {
      return (error as CommandFault).error.retry_s;
    }
  };
  assert.equal(after("sys.reboot", { lastEnd: "reboot", nowS: 100, startedS: 90 }), 500);
  assert.equal(after("sys.reboot", { lastEnd: "reboot", nowS: 600, startedS: 590 }), undefined);
  assert.equal(after("sys.reboot", { lastEnd: "shutdown", nowS: 100, startedS: 90 }), undefined);
  assert.equal(after("sys.restart_app", { lastEnd: "restart", nowS: 5000, startedS: 4900 }), 500);
  assert.equal(after("sys.restart_app", { lastEnd: "restart", nowS: 5000, startedS: 4000 }), undefined);
  assert.equal(after("sys.restart_app", { lastEnd: "reboot", nowS: 100, startedS: 90 }), undefined);
});

test("what cannot be done leaves nothing behind", async () => {
  const { power, fleet } = powerOf({}, () => Promise.reject(new CallerFault("unauthorized", "no")));
  await assert.rejects(power.reboot("a test"), /no/);
  assert.equal(fleet.farewell, "shutdown");
  const alone = new GatewayPower({
    context: () => ({ clock: { nowUs: () => 1e9 } }) as never,
    machine: { reboot: async () => {} },
    restart: undefined,
  });
  await assert.rejects(alone.restart("a test"), /no supervisor/);
});

test("a restart is asked for once, with its own good-bye", () => {
  const { power, fleet, restarts } = powerOf({});
  void power.restart("a test");
  assert.deepEqual([restarts(), fleet.farewell], [1, "restart"]);
});

test("proof: another boot, or another process; anything else was lost", () => {
  const entry = { id: "1", responseTopic: "t", bootId: "b1", runId: "r1", answer: undefined };
  const done = (op: string, now: { bootId: string; runId: string }) => powerProof({ ...entry, op }, now) !== undefined;
  assert.deepEqual(
    ["sys.reboot", "sys.restart_app", "clip.export"].map((op) => [
      done(op, { bootId: "b1", runId: "r1" }),
      done(op, { bootId: "b1", runId: "r2" }),
      done(op, { bootId: "b2", runId: "r2" }),
    ]),
    [
      [false, false, true],
      [false, true, true],
      [false, false, false],
    ],
  );
});

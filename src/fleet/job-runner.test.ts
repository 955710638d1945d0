// Jobs on simulated time: when they begin, step by step, through restarts, and how they end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { CallerFault } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { SimulatedTime } from "#testing/simulated-time.ts";
import { parseJob, spreadPart, startOf } from "./job-request.ts";
import { type JobOperation, JobRunner, type JobUpdate, type KeptJob } from "./job-runner.ts";

/** As the link puts it in front of an update. */
const ENVELOPE = { v: 1, sid: "00000001-0001", seq: 1, ts: 1, tq: "ntp", mono: 1, boot: 1 };
const NOON_MS = Date.UTC(2026, 10, 22, 12);

function setUp(operation: Partial<JobOperation> & Pick<JobOperation, "steps">, kept?: KeptJob) {
  const time = new SimulatedTime();
  const updates: JobUpdate[] = [];
  let saved = kept;
  const runner = new JobRunner({
    gatewayId: "gw-0001",
    zoneMinutes: () => 60,
    operations: new Map([["upd.install", { check: () => {}, ...operation }]]),
    store: {
      load: async () => saved,
      save: async (job) => {
        saved = job;
      },
    },
    utcMs: () => NOON_MS + time.nowMs,
    sleep: time.sleep,
    update: (update) => {
      assert.deepEqual(contractFaults("up-job", { ...ENVELOPE, ...update }), []);
      updates.push(update);
    },
    log: silentLog,
  });
  const request = (fields: object = {}): string => JSON.stringify({ v: 1, job: "j-1", op: "upd.install", args: { ver: "1.5" }, ...fields });
  const run = async (fields: object = {}): Promise<void> => {
    await runner.receive(request(fields));
    await time.until(runner.idle());
  };
  return {
    runner,
    time,
    updates,
    request,
    run,
    kept: () => saved,
    words: () => updates.map(({ st, step, pct }) => [st, step, pct].join(" ")),
  };
}

const step = (name: string, run: JobOperation["steps"][number]["run"] = async () => {}) => ({ name, run });

test("a job runs step by step, and tells each with a number of its own", async () => {
  const seen: unknown[] = [];
  const { run, words, updates } = setUp({
    steps: [
      step("download", async ({ args, progress }) => {
        seen.push(args);
        progress(50);
      }),
      step("install"),
    ],
  });
  await run();
  assert.deepEqual(seen, [{ ver: "1.5" }]);
  assert.deepEqual(words(), ["queued  0", "run download 0", "run download 50", "run install 0", "ok  100"]);
  assert.deepEqual(
    updates.map(({ xv }) => xv),
    [1, 2, 3, 4, 5],
  );
});

test("it begins in its window, at this gateway's own part of the spread", async () => {
  const { run, time, words } = setUp({ steps: [step("install")] });
  await run({ window: "01:00-04:00 local", spread_s: 7200 });
  const expected = 12 * 3600 + spreadPart("gw-0001", "j-1") * 7200; // 13:00 local, to 01:00
  assert.ok(Math.abs(time.nowMs / 1000 - expected) < 1, `${time.nowMs / 1000} ${expected}`);
  assert.equal(words()[1], "wait  0");
});

test("windows over midnight, in UTC, and what is left of one", () => {
  const place = { gatewayId: "gw", zoneMinutes: () => 120 };
  const at = (window: string, nowMs: number, more: object = {}): number => {
    const request = parseJob({ v: 1, job: "j", op: "x", window, ...more });
    assert.ok(!("fault" in request));
    return (startOf(request, nowMs, place) - nowMs) / 60_000;
  };
  assert.equal(at("23:00-01:00 utc", NOON_MS), 11 * 60);
  assert.equal(at("11:00-13:00 utc", NOON_MS), 0);
  assert.equal(at("23:00-01:00 local", NOON_MS), 9 * 60);
  assert.equal(at("11:00-12:00 utc", NOON_MS), 23 * 60);
  const rest = at("11:00-12:30 utc", NOON_MS, { spread_s: 86_400 });
  assert.ok(rest > 0 && rest < 30, "never outside of the window");
});

test("a thousand gateways spread evenly", () => {
  const parts = Array.from({ length: 1000 }, (_, i) => spreadPart(`gw-${i}`, "j-1")).sort((a, b) => a - b);
  for (const [i, part] of parts.entries()) assert.ok(Math.abs(part - i / 1000) < 0.06);
});

test("a step that fails is tried again, then undone", async () => {
  let [tries, undone] = [0, 0];
  const failing = step("verify", async () => {
    tries++;
    throw new CallerFault("invalid", "the bundle's signature does not fit");
  });
  const { run, updates, time } = setUp({ steps: [failing], rollBack: async () => void undone++ });
  await run({ tries: 3 });
  assert.deepEqual([tries, undone, time.nowMs], [3, 1, 120_000]);
  assert.deepEqual([updates.at(-1)!.st, updates.at(-1)!.e], ["rolledback", { c: "E_SCHEMA", m: "the bundle's signature does not fit" }]);
  const plain = setUp({ steps: [failing] });
  await plain.run({ tries: 1 });
  assert.equal(plain.updates.at(-1)!.st, "err");
});

test("a step that hangs has failed", async () => {
  const { run, updates, time } = setUp({ steps: [step("download", () => new Promise(() => {}))] });
  await run({ tries: 1, step_s: 30 });
  assert.deepEqual([updates.at(-1)!.st, updates.at(-1)!.e?.c, time.nowMs], ["err", "E_TIMEOUT", 30_000]);
});

test("what is wrong is refused at once", async () => {
  const refusing = setUp({
    steps: [],
    check: () => {
      throw new CallerFault("invalid", "ver: is missing", "ver");
    },
  });
  await refusing.run();
  assert.deepEqual([refusing.updates.at(-1)!.st, refusing.updates.at(-1)!.e?.m], ["rej", "ver: is missing"]);
  const unknown = setUp({ steps: [] });
  await unknown.run({ op: "disk.repair" });
  assert.deepEqual([unknown.updates.at(-1)!.st, unknown.updates.at(-1)!.e?.c], ["rej", "E_UNSUPPORTED"]);
  const late = setUp({ steps: [step("x")] });
  await late.run({ deadline: NOON_MS - 1 });
  assert.equal(late.updates.at(-1)!.e?.m, "its deadline has passed");
  const bad: readonly [fields: object, field: string][] = [
    [{ v: 2 }, "v"],
    [{ job: "a b" }, "job"],
    [{ op: "X" }, "op"],
    [{ args: 1 }, "args"],
    [{ nb: "soon" }, "nb"],
    [{ deadline: -1 }, "deadline"],
    [{ window: "25:00-26:00" }, "window"],
    [{ window: "01:00-01:00" }, "window"],
    [{ spread_s: -1 }, "spread_s"],
    [{ step_s: 0 }, "step_s"],
    [{ tries: 1.5 }, "tries"],
  ];
  for (const [fields, field] of bad) {
    const parsed = parseJob({ v: 1, job: "j", op: "x", ...fields });
    assert.match("fault" in parsed ? parsed.fault : "", new RegExp(`^${field}: `));
  }
  for (const text of ["{", "[]", "x".repeat(70_000)]) await unknown.runner.receive(text);
  assert.equal(unknown.updates.length, 1);
});

test("the same job again changes nothing; an emptied slot cancels one that waits", async () => {
  const { runner, request, time, updates } = setUp({ steps: [step("install")] });
  await runner.receive(request({ nb: NOON_MS + 3_600_000 }));
  await runner.receive(request({ nb: NOON_MS + 3_600_000 }));
  for (let i = 0; i < 30; i++) await nextTurn();
  await runner.receive("");
  await time.until(runner.idle());
  assert.deepEqual(
    updates.map(({ st }) => st),
    ["queued", "wait", "cancel"],
  );
  await runner.receive("");
  assert.equal(updates.length, 3);
});

test("a restart goes on with the step that was cut off, or behind it where it can be seen to be done", async () => {
  const first = setUp({ steps: [step("download"), step("reboot", () => new Promise(() => {})), step("commit")] });
  await first.runner.receive(first.request());
  for (let i = 0; i < 50; i++) await nextTurn();
  assert.equal(first.words().at(-1), "run reboot 0");
  first.runner.close();
  await first.runner.idle();
  for (const isDone of [true, false]) {
    const ran: string[] = [];
    const named = (name: string) => ({
      ...step(name, async () => void ran.push(name)),
      ...(name === "reboot" && { isDone: async () => isDone }),
    });
    const next = setUp({ steps: [named("download"), named("reboot"), named("commit")] }, first.kept());
    await next.runner.open();
    await next.time.until(next.runner.idle());
    assert.deepEqual(ran, isDone ? ["commit"] : ["reboot", "commit"]);
    assert.equal(next.words().at(-1), "ok  100");
    assert.ok(next.updates[0]!.xv > first.updates.at(-1)!.xv, "numbers go on");
    const over = setUp({ steps: [] }, next.kept());
    await over.runner.open();
    await over.run();
    assert.deepEqual(over.updates, [], "a job that is over is not done again");
  }
});

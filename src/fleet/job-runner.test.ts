// Jobs on simulated time: when they begin, step by step, through restarts, and how they end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { CallerFault } from "#base/errors.ts";
import { silentLog } from "#base/log.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { SimulatedTime } from "#testing/simulated-time.ts";
import { isInWindow, parseJob, spreadPart, startOf } from "./job-request.ts";
import { type JobOperation, JobRunner, type JobUpdate, type KeptJob } from "./job-runner.ts";

/** As the link puts it in front of an update. */
const ENVELOPE = { v: 1, sid: "00000001-0001", seq: 1, ts: 1, tq: "ntp", mono: 1, boot: 1 };
const NOON_MS = Date.UTC(2026, 10, 22, 12);

function setUp(
  operation: Partial<JobOperation> & Pick<JobOperation, "steps">,
  kept?: KeptJob,
  trust: (nowMs: number) => "none" | "est" | "ntp" = () => "ntp",
) {
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
    utcMs: () => (trust(time.nowMs) === "none" ? 0 : NOON_MS) + time.nowMs,
    isTimeSet: () => trust(time.nowMs) !== "none",
    isTimeTrusted: () => trust(time.nowMs) === "ntp",
    sleep: time.sleep,
    update: (update) => {
      assert.deepEqual(contractFaults("up-job", { ...ENVELOPE, ...update }), []);
      updates.push(update);
    },
    log: silentLog,
  });
  const request = (fields: object = {}): string => JSON.stringify({ v: 1, job: "j-1", op: "upd.install", args: { ver: "1.5" }, ...fields });
  const run = async (fields: object = {}): Promise<void> => {
    runner.receive(request(fields));
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

test("a window begins by the clock on the wall, which is put forward and back; one that was missed is waited for again", async () => {
  const day = (hour: number): number => Date.UTC(2026, 2, 29, hour); // in the night from 02:00 to 03:00 local
  const zoneMinutes = (utcMs: number): number => (utcMs < day(1) ? 60 : 120);
  const place = { gatewayId: "gw", zoneMinutes };
  const request = parseJob({ v: 1, job: "j", op: "x", window: "04:00-05:00" });
  assert.ok(!("fault" in request));
  assert.equal(startOf(request, Date.UTC(2026, 2, 28, 12), place), day(2));
  const back = { gatewayId: "gw", zoneMinutes: (utcMs: number) => (utcMs < day(1) ? 120 : 60) };
  assert.equal(startOf(request, Date.UTC(2026, 2, 28, 12), back), day(3));
  // A window that lies in the hour that is left out, and one that would begin before now: later than now in any case.
  for (const window of ["02:00-02:30", "02:50-03:10"]) {
    const odd = parseJob({ v: 1, job: "j", op: "x", window });
    assert.ok(!("fault" in odd));
    for (let minute = 0; minute < 1440; minute += 7) {
      const nowMs = Date.UTC(2026, 2, 28, 12, minute);
      const startMs = startOf(odd, nowMs, place);
      assert.ok(isInWindow(odd, nowMs, place) ? startMs >= nowMs : startMs > nowMs, `${minute}`);
    }
  }
  // Found in the morning: it was to begin in the night, and the gateway had no power.
  const kept = { text: "", xv: 2, startMs: NOON_MS - 9 * 3_600_000, tries: 0, step: -1, end: null };
  const { runner, time, words, request: text } = setUp({ steps: [step("install")] });
  const late = setUp({ steps: [step("install")] }, { ...kept, text: text({ window: "03:00-04:00 utc" }) });
  await late.runner.open();
  await late.time.until(late.runner.idle());
  assert.deepEqual([late.time.nowMs, late.words().at(-1)], [15 * 3_600_000, "ok  100"]);
  runner.receive(text());
  await time.until(runner.idle());
  assert.equal(words().at(-1), "ok  100");
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
  for (const text of ["{", "[]", "x".repeat(70_000)]) unknown.runner.receive(text);
  assert.equal(unknown.updates.length, 1);
});

test("the same job again changes nothing; an emptied slot cancels one that waits", async () => {
  const { runner, request, time, updates } = setUp({ steps: [step("install")] });
  runner.receive(request({ nb: NOON_MS + 3_600_000 }));
  runner.receive(request({ nb: NOON_MS + 3_600_000 }));
  for (let i = 0; i < 30; i++) await nextTurn();
  runner.receive("");
  await time.until(runner.idle());
  assert.deepEqual(
    updates.map(({ st }) => st),
    ["queued", "wait", "cancel"],
  );
  runner.receive("");
  assert.equal(updates.length, 3);
});

test("a job that was cancelled before it began may come again; one that is over may not, whatever was done since", async () => {
  const ran: string[] = [];
  const { runner, request, time, updates, kept } = setUp({ steps: [step("install", async () => void ran.push("x"))] });
  const later = request({ nb: NOON_MS + 3_600_000 });
  runner.receive(later);
  runner.receive("");
  runner.receive(later); // before the cancellation is through
  await time.until(runner.idle());
  assert.deepEqual(
    updates.map(({ st }) => st),
    ["queued", "wait", "cancel", "queued", "wait", "run", "ok"],
  );
  assert.deepEqual(
    updates.map(({ xv }) => xv),
    [1, 2, 3, 4, 5, 6, 7],
  );
  runner.receive(request({ job: "j-2" }));
  await time.until(runner.idle());
  runner.receive(later);
  await time.until(runner.idle());
  assert.equal(ran.length, 2);
  assert.deepEqual(
    runner.known.map(({ job, st, xv }) => [job, st, xv]),
    [
      ["j-2", "ok", 3],
      ["j-1", "ok", 7],
    ],
  );
  const next = setUp({ steps: [step("install", async () => void ran.push("x"))] }, kept());
  await next.runner.open();
  next.runner.receive(later);
  await next.time.until(next.runner.idle());
  assert.equal(ran.length, 2, "nor after a restart");
  assert.equal(next.runner.known.length, 2);
});

test("of what comes while a job runs the last one follows it", async () => {
  const names: string[] = [];
  let end = (): void => {};
  const first = step("install", ({ args }) => {
    names.push(String(args["name"]));
    return names.length > 1 ? Promise.resolve() : new Promise<void>((resolve) => (end = resolve));
  });
  const { runner, request, time, updates } = setUp({ steps: [first] });
  const named = (job: string): string => request({ job, args: { name: job } });
  for (const job of ["j-1", "j-2", "j-3", "j-3"]) {
    runner.receive(named(job));
    for (let i = 0; i < 30; i++) await nextTurn();
  }
  runner.receive("");
  runner.receive(named("j-4"));
  end();
  await time.until(runner.idle());
  assert.deepEqual(names, ["j-1", "j-4"]);
  assert.deepEqual([updates.at(-1)!.job, updates.at(-1)!.st], ["j-4", "ok"]);
});

test("a restart goes on with the step that was cut off, or behind it where it can be seen to be done", async () => {
  const first = setUp({ steps: [step("download"), step("reboot", () => new Promise(() => {})), step("commit")] });
  first.runner.receive(first.request());
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

test("a step that takes the gateway down each time has its tries, not more; a stop in order is none of them", async () => {
  let undone = 0;
  for (const rollBack of [undefined, async () => void undone++]) {
    let kept: KeptJob | undefined;
    let ran = 0;
    const start = (run: () => Promise<void>) => setUp({ steps: [step("install", run)], ...(rollBack && { rollBack }) }, kept);
    for (let i = 0; i < 5; i++) {
      const stopped = start(() => new Promise(() => {}));
      if (i === 0) stopped.runner.receive(stopped.request({ tries: 3 }));
      else await stopped.runner.open();
      for (let turn = 0; turn < 50; turn++) await nextTurn();
      assert.equal(stopped.words().at(-1), "run install 0");
      stopped.runner.close();
      await stopped.runner.idle();
      kept = stopped.kept();
    }
    let last: JobUpdate | undefined;
    for (let i = 0; i < 5; i++) {
      const crashing = start(() => {
        ran++;
        kept = crashing.kept(); // as it lies on the medium when all is over
        return new Promise(() => {});
      });
      await crashing.runner.open();
      for (let turn = 0; turn < 50; turn++) await nextTurn();
      kept = crashing.kept();
      last = crashing.updates.at(-1) ?? last;
    }
    assert.equal(ran, 3);
    assert.deepEqual([last?.st, last?.e?.m], [rollBack ? "rolledback" : "err", "the gateway went down while install ran"]);
  }
  assert.equal(undone, 1);
});

test("what has an hour of its own does not begin by a clock that nobody has set", async () => {
  const DAY_MS = 86_400_000;
  const trust = (nowMs: number) => (nowMs < DAY_MS ? "none" : nowMs < 2 * DAY_MS ? "est" : "ntp");
  const inWindow = setUp({ steps: [step("install")] }, undefined, trust);
  await inWindow.run({ window: "01:00-04:00 utc" });
  assert.equal(inWindow.time.nowMs, 2 * DAY_MS + 13 * 3_600_000, "the first window of a clock that is set at noon");
  assert.deepEqual(inWindow.words(), ["queued  0", "wait  0", "wait  0", "run install 0", "ok  100"]);
  const soon = setUp({ steps: [step("install")] }, undefined, trust);
  await soon.run();
  assert.equal(soon.time.nowMs, 0, "one without hours does not wait");
  const dated = setUp({ steps: [step("install")] }, undefined, trust);
  await dated.run({ deadline: NOON_MS + 9 * DAY_MS });
  assert.equal(dated.time.nowMs, DAY_MS, "a date alone needs no more than a clock that is set");
  const late = setUp({ steps: [step("install")] }, undefined, trust);
  await late.run({ deadline: NOON_MS });
  assert.deepEqual([late.words().at(-1), late.updates.at(-1)?.e?.c], ["err  0", "E_EXPIRED"]);
});

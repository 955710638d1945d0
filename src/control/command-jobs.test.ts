import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { deferred } from "#base/deferred.ts";
import { CallerFault } from "#base/errors.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { type Caller, type Command, CommandTable } from "./command.ts";
import { CommandJobs } from "./command-jobs.ts";

const operator: Caller = { name: "operator", may: (_scope, path) => path !== "yard" };

function setUp() {
  const steps = deferred<string>();
  let tell = (_percent: number, _text: string): void => {};
  const work: Command<string, string> = {
    name: "clip.export",
    scope: "operate",
    summary: "Works.",
    parse: (input) => {
      if (typeof input !== "string") throw new CallerFault("invalid", "no text", "cam");
      return input;
    },
    pathOf: (input) => input,
    run: async (_input, { signal, progress }) => {
      tell = progress;
      const gone = new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      return Promise.race([steps.promise, gone]);
    },
  };
  let nowMs = 1000;
  const log = collectedLog();
  const jobs = new CommandJobs({ table: new CommandTable([work]), nowMs: () => nowMs++, log });
  return { jobs, log, steps, tell: (percent: number, text: string) => tell(percent, text) };
}

test("a job that runs, tells how far it is, and ends well", async () => {
  const { jobs, steps, tell } = setUp();
  const { id, ...job } = await jobs.start("clip.export", "gate", operator);
  const expected = { op: "clip.export", cam: "gate", by: "operator", st: "run", pct: 0, msg: "", started: 1000 };
  assert.deepEqual(job, { ...expected, ended: undefined, res: undefined, err: undefined });
  tell(41.7, "half of it");
  assert.deepEqual([jobs.get(id)?.pct, jobs.get(id)?.msg], [42, "half of it"]);
  steps.resolve("two files");
  const ended = await jobs.cancel(id);
  assert.deepEqual([ended.st, ended.pct, ended.res, ended.ended], ["ok", 100, "two files", 1001], "it was over before it was to end");
  assert.deepEqual(jobs.list(), [ended]);
  jobs.forget(id);
  assert.equal(jobs.get(id), undefined);
});

test("one that fails tells why, and one that is cancelled does not", async () => {
  const { jobs, steps, log } = setUp();
  const [first, second] = [await jobs.start("clip.export", "gate", operator), await jobs.start("clip.export", "door", operator)];
  assert.equal((await jobs.cancel(first.id)).st, "cancel");
  steps.reject(new Error("the disk is full"));
  await setImmediate();
  const failed = await jobs.cancel(second.id);
  assert.deepEqual([failed.st, failed.err], ["err", "the disk is full"]);
  assert.deepEqual(log.lines.slice(-1), [`clip.export ${second.id.slice(0, 8)} failed: the disk is full`]);
});

test("what may not begin leaves no job behind", async () => {
  const { jobs } = setUp();
  await assert.rejects(jobs.start("clip.export", 7, operator), { code: "invalid", field: "cam" });
  await assert.rejects(jobs.start("clip.export", "yard", operator), { code: "unauthorized" });
  await assert.rejects(jobs.start("sys.exec", "gate", operator), { code: "not-found" });
  assert.deepEqual(jobs.list(), []);
  await assert.rejects(jobs.cancel("x"), { code: "not-found" });
});

test("of those that are over a hundred are kept, those that run all; closing ends them", async () => {
  const { jobs, steps } = setUp();
  const running = await jobs.start("clip.export", "gate", operator);
  for (let i = 0; i < 105; i++) await jobs.cancel((await jobs.start("clip.export", "door", operator)).id);
  assert.equal(jobs.list().length, 101);
  assert.equal(jobs.get(running.id)?.st, "run");
  jobs.forget(running.id);
  assert.equal(jobs.get(running.id)?.st, "run");
  await jobs.close();
  assert.equal(jobs.get(running.id)?.st, "cancel");
  steps.resolve("");
});

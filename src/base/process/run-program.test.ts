// A program that does as asked, one that complains, one that hangs, and one that says too much.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "./run-program.ts";

const BOUNDS = { timeoutMs: 60_000, maxOutputBytes: 1024 };
const run = (script: string, bounds = BOUNDS): Promise<string> => runProgram(process.execPath, ["-e", script], bounds);

test("what it writes, in the language of the system", async () => {
  assert.equal(await run("process.stdout.write(process.env.LC_ALL)"), "C");
});

test("one that fails is told with its own last words, or with how it ended", async () => {
  await assert.rejects(run("process.stderr.write('first\\nnot permitted\\n'); process.exitCode = 3"), { message: "not permitted" });
  await assert.rejects(run("process.exitCode = 3"), { message: "it ended with 3" });
  await assert.rejects(runProgram("/nonexistent/program", [], BOUNDS), { message: "it ended with ENOENT" });
});

test("one that hangs, or says too much, is ended", async () => {
  await assert.rejects(run("setInterval(() => {}, 1000)", { ...BOUNDS, timeoutMs: 100 }), { message: "it ended with SIGKILL" });
  await assert.rejects(run("process.stdout.write('x'.repeat(100_000))"), { message: /^it ended with / });
});

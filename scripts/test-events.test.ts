import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestEvent, withFinalCheck } from "./test-events.ts";

const diagnostic = (message: string): TestEvent => ({ type: "test:diagnostic", data: { nesting: 0, message } });
const summary: TestEvent = { type: "test:summary", data: {} };

async function* run(): AsyncGenerator<TestEvent> {
  yield { type: "test:summary", data: { file: "a.test.ts" } };
  yield diagnostic("a note of a test");
  for (const message of ["tests 3", "pass 2", "fail 1"]) yield diagnostic(message);
  yield summary;
}

async function outputOf(faults: string[]): Promise<string[]> {
  const seen: string[] = [];
  for await (const { type, data } of withFinalCheck(run(), "check", async () => faults))
    seen.push(data.message ?? data.name ?? data.file ?? type);
  return seen;
}

test("the check is one more test, and the counts come last", async () => {
  assert.deepEqual(await outputOf([]), ["a.test.ts", "a note of a test", "check", "check", "test:summary", "tests 4", "pass 3", "fail 1"]);
});

test("a failed check counts as a failed test", async () => {
  assert.deepEqual((await outputOf(["left"])).slice(-3), ["tests 4", "pass 2", "fail 2"]);
});

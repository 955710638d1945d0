// node:test's event stream with one more test at its end, and with the counts as the last thing a reporter prints.

/** What this file needs of node:test's events; everything else in them passes through. */
export interface TestEvent {
  readonly type: string;
  readonly data: { readonly name?: string; readonly nesting?: number; readonly message?: string; readonly file?: string };
}

const COUNT_LINE = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) \d/;

/**
 * Passes the events on; once all tests are through, runs `check` as one more test, which fails when it returns anything, and counts it.
 * The summary's counts come after the list of failed tests, not before it.
 */
export async function* withFinalCheck(
  events: AsyncIterable<TestEvent>,
  name: string,
  check: () => Promise<string[]>,
): AsyncGenerator<TestEvent> {
  const counts: TestEvent[] = [];
  let outcome: "pass" | "fail" = "fail";
  for await (const event of events) {
    if (event.type === "test:diagnostic" && event.data.nesting === 0 && COUNT_LINE.test(event.data.message ?? "")) {
      counts.push(event);
      continue;
    }
    // Each file has its summary; the one without a file is that of the whole run.
    if (event.type === "test:summary" && event.data.file === undefined) {
      const faults = await check();
      outcome = faults.length === 0 ? "pass" : "fail";
      yield* resultOf(name, faults);
    }
    yield event;
  }
  for (const count of counts) yield withOneMore(count, outcome);
}

function* resultOf(name: string, faults: readonly string[]): Generator<TestEvent> {
  const data = { name, nesting: 0, testNumber: 1, details: { duration_ms: 0 } };
  yield { type: "test:start", data };
  if (faults.length === 0) {
    yield { type: "test:pass", data };
    return;
  }
  const error = new Error(faults.join("\n"));
  error.stack = error.message; // Where this was found tells nothing.
  const details = { duration_ms: 0, error };
  yield { type: "test:fail", data: { ...data, details } as typeof data };
}

function withOneMore(count: TestEvent, outcome: "pass" | "fail"): TestEvent {
  const [label, value] = (count.data.message ?? "").split(" ");
  return label === "tests" || label === outcome ? { ...count, data: { ...count.data, message: `${label} ${Number(value) + 1}` } } : count;
}

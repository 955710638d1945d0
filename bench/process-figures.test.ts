import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStraceSummary } from "./process-figures.ts";

test("the calls in strace's table are summed", () => {
  const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 99.02    0.070000          10      7000           write
  0.98    0.000700           7       100         3 sendmsg
------ ----------- ----------- --------- --------- ----------------
100.00    0.070700          10      7100         3 total
`;
  assert.equal(parseStraceSummary(table), 7100);
  assert.equal(parseStraceSummary("strace: attach: Operation not permitted"), undefined);
});

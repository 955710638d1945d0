import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const MODULE = new URL("./young-generation.ts", import.meta.url).href;
/** Both halves have 1 MiB, and V8 adds a page or two while it collects; had they grown once, they would have 2 MiB each. */
const GROWN_ONCE = 4 * 2 ** 20;
/** Makes the young generation of a process grow, if it may, and prints how large it is, bytes. */
const PROGRAM = `
import { getHeapSpaceStatistics } from "node:v8";
import { keepYoungGenerationSmall } from ${JSON.stringify(MODULE)};
keepYoungGenerationSmall();
let kept = [];
for (let i = 0; i < 1_000_000; i++) {
  kept.push({ i });
  if (kept.length > 50_000) kept = [];
}
console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size);
`;

async function youngBytes(...options: string[]): Promise<number> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...options, "--input-type=module", "--eval", PROGRAM], {
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  assert.equal(stderr, "");
  return Number(stdout);
}

test("the young generation stays as small as it begins, unless the command line says how large it may be", async () => {
  const [kept, free] = [await youngBytes(), await youngBytes("--max-semi-space-size=8")];
  assert.ok(kept < GROWN_ONCE, `${kept} bytes`);
  assert.ok(free >= GROWN_ONCE, `${free} bytes`);
});

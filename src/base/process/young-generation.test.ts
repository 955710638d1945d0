import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const MODULE = new URL("./young-generation.ts", import.meta.url).href;
/** Makes the young generation of a process grow, if it may, and prints how large it was and is, bytes. Loading the module may have made it grow already. */
const PROGRAM = `
import { getHeapSpaceStatistics } from "node:v8";
import { keepYoungGenerationSmall } from ${JSON.stringify(MODULE)};
const sizeNow = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size;
keepYoungGenerationSmall();
const before = sizeNow();
let kept = [];
for (let i = 0; i < 1_000_000; i++) {
  kept.push({ i });
  if (kept.length > 50_000) kept = [];
}
console.log(JSON.stringify([before, sizeNow()]));
`;

async function youngBytes(...options: string[]): Promise<readonly [before: number, after: number]> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...options, "--input-type=module", "--eval", PROGRAM], {
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  assert.equal(stderr, "");
  return JSON.parse(stdout) as [number, number];
}

test("the young generation stays as small as it begins, unless the command line says how large it may be", async () => {
  const [before, after] = await youngBytes();
  assert.equal(after, before);
  const [small, grown] = await youngBytes("--max-semi-space-size=8");
  assert.ok(grown > small);
});

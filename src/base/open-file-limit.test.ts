import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { openFileLimit, parseLimits } from "./open-file-limit.ts";

const run = promisify(execFile);

test("the soft limit is read", () => {
  const text = (soft: string): string => `Limit                     Soft Limit           Hard Limit           Units     
Max processes             63432                63432                processes 
Max open files            ${soft.padEnd(20)} 524288               files     
`;
  assert.equal(parseLimits(text("1024")), 1024);
  assert.equal(parseLimits(text("unlimited")), undefined);
  assert.equal(parseLimits(""), undefined);
});

test("it is this process's own", { skip: process.platform !== "linux" }, async () => {
  const limit = openFileLimit();
  assert.ok(limit === undefined || limit > 0);
  const program = `import(${JSON.stringify(new URL("open-file-limit.ts", import.meta.url).href)}).then((it) => process.stdout.write(String(it.openFileLimit())))`;
  const { stdout } = await run("sh", ["-c", 'ulimit -n 123; exec "$0" -e "$1"', process.execPath, program]);
  assert.equal(stdout, "123");
});

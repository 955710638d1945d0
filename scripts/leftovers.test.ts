import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { leftoverMarker, takeLeftovers } from "./leftovers.ts";

test("a process that is left behind is named and killed", { skip: !existsSync("/proc/self/environ") && "needs /proc" }, async () => {
  const marker = leftoverMarker();
  const env = { ...process.env, [marker.name]: marker.value, CAMGATE_TEST_FILE: "some.test.ts" };
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { env, stdio: "ignore" });
  const ended = once(child, "exit");
  await once(child, "spawn");

  const found = await takeLeftovers(marker, 0);

  assert.equal(found.length, 1);
  assert.match(found[0] ?? "", new RegExp(`^${child.pid} .*setInterval.*, started by some\\.test\\.ts$`));
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.deepEqual(await takeLeftovers(marker, 0), []);
});

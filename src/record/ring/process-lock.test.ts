import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { readLockFile, takeSocketLock, writeLockFile } from "./process-lock.ts";

test("one has it; who comes next does not, until it is given back", { skip: process.platform !== "linux" }, async () => {
  const name = `camgate-ring-test-${process.pid}`;
  const release = await takeSocketLock(name);
  assert.ok(release !== undefined);
  assert.equal(await takeSocketLock(name), undefined);
  const other = await takeSocketLock(`${name}-other`);
  await release();
  const again = await takeSocketLock(name);
  assert.ok(again !== undefined && other !== undefined);
  await Promise.all([again(), other()]);
});

test("the LOCK file tells who, and is written in place", async () => {
  const fs = new FaultFs();
  assert.equal(await readLockFile(fs, "/LOCK"), "");
  for (const boot of ["a", "b"]) {
    await writeLockFile(fs, "/LOCK", boot);
    assert.deepEqual(JSON.parse(await readLockFile(fs, "/LOCK")), { pid: process.pid, boot_id: boot });
  }
  assert.ok(!fs.history.some(({ kind }) => kind === "truncate" || kind === "rename"));
});

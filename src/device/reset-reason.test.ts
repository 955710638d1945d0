// Why the machine was booted.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ResetFacts, readResetFacts, resetReasonOf } from "./reset-reason.ts";

test("what the facts say together", () => {
  const facts: ResetFacts = { isFromWatchdog: false, hasCrashRecord: false, farewell: undefined, isKnown: true };
  const rows: readonly [Partial<ResetFacts>, string][] = [
    [{}, "power"],
    [{ isKnown: false }, "unknown"],
    [{ farewell: "shutdown" }, "unknown"],
    [{ farewell: "reboot" }, "reboot_cmd"],
    [{ farewell: "update", isFromWatchdog: true }, "update"],
    [{ isFromWatchdog: true }, "watchdog"],
    [{ isFromWatchdog: true, hasCrashRecord: true, farewell: "reboot" }, "panic"],
  ];
  for (const [change, reason] of rows) assert.equal(resetReasonOf({ ...facts, ...change }), reason);
});

test("what the system has of it", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "camgate-reset-"));
  t.after(() => rm(root, { recursive: true }));
  assert.deepEqual(await readResetFacts(root), { isFromWatchdog: false, hasCrashRecord: false });
  await mkdir(join(root, "sys/class/watchdog/watchdog0"), { recursive: true });
  await mkdir(join(root, "sys/fs/pstore"), { recursive: true });
  const status = join(root, "sys/class/watchdog/watchdog0/bootstatus");
  await writeFile(status, "32\n");
  await writeFile(join(root, "sys/fs/pstore/console-ramoops-0"), "");
  assert.deepEqual(await readResetFacts(root), { isFromWatchdog: true, hasCrashRecord: false });
  await writeFile(status, "none\n");
  await writeFile(join(root, "sys/fs/pstore/dmesg-ramoops-0"), "Oops");
  assert.deepEqual(await readResetFacts(root), { isFromWatchdog: false, hasCrashRecord: true });
});

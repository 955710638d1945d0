import assert from "node:assert/strict";
import { test } from "node:test";
import { clockHealth } from "./clock-health.ts";

test("a clock that something keeps right", () => {
  const status = { quality: "ntp", source: "chrony", errorMs: 11.6, correctionMs: 0.80042, secondsSinceSync: 64, steps: 1 } as const;
  const expected = { st: "synced", src: "chrony", off_ms: 0.8, err_ms: 12, last_sync_s: 64, steps: 1, rtc: true };
  assert.deepEqual(clockHealth(status, true), expected);
});

test("one that nothing keeps right, and one that may tell anything", () => {
  const unknown = { source: undefined, errorMs: undefined, correctionMs: undefined, secondsSinceSync: undefined, steps: 0 };
  const [est, none] = (["est", "none"] as const).map((quality) => clockHealth({ quality, ...unknown }, false));
  assert.deepEqual(est, { st: "free", src: "est", off_ms: null, err_ms: null, last_sync_s: null, steps: 0, rtc: false });
  assert.equal(none!.st, "unset");
});

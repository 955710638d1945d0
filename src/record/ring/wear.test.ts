import assert from "node:assert/strict";
import { test } from "node:test";
import { WearMeter } from "./wear.ts";

const HOUR_US = 3600e6;

test("whole pages are counted", () => {
  const meter = new WearMeter({ ratedTb: undefined, policy: "warn" }, 0);
  meter.add(0, 1);
  meter.add(4000, 200);
  meter.add(8192, 4096);
  meter.add(5, 0);
  assert.equal(meter.writtenBytes, 4 * 4096);
  assert.equal(meter.report(HOUR_US).level, "unknown");
});

test("days that are left, and the levels of both policies", () => {
  const meter = new WearMeter({ ratedTb: 1, policy: "warn" }, 0);
  meter.restore(0.7e12);
  meter.add(0, 4096 * 1_000_000);
  assert.equal(meter.report(60e6).daysLeft, undefined); // too short a time to tell
  const report = meter.report(24 * HOUR_US);
  assert.equal(report.level, "good");
  assert.equal(report.bytesPerDay, 4096e6);
  assert.equal(Math.round(report.daysLeft!), Math.round((0.3e12 - 4096e6) / 4096e6));
  meter.restore(0.85e12);
  assert.equal(meter.report(0).level, "warn");
  meter.restore(0.96e12);
  assert.equal(meter.report(0).level, "warn");
  meter.options = { ratedTb: 1, policy: "protect" };
  assert.equal(meter.report(0).level, "protect");
  meter.restore(2e12);
  assert.equal(meter.report(24 * HOUR_US).daysLeft, 0);
});

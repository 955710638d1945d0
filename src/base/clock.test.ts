import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { monotonicUs, SystemClock, TIME_QUALITIES } from "./clock.ts";

test("the monotonic clock is one for all processes, in whole microseconds", () => {
  const before = monotonicUs();
  const other = Number(execFileSync(process.execPath, ["-p", "process.hrtime.bigint() / 1000n"], { encoding: "utf8" }).replace("n", ""));
  const after = monotonicUs();
  assert.ok(before <= other && other <= after, `${before} ${other} ${after}`);
  assert.ok(Number.isInteger(before));
});

test("it is the kernel's clock, and not one that began a little later", () => {
  const least = { ns: Number.POSITIVE_INFINITY, offUs: 0 };
  for (let tries = 0; tries < 50; tries++) {
    const before = process.hrtime.bigint();
    const us = monotonicUs();
    const ns = Number(process.hrtime.bigint() - before);
    if (ns < least.ns) Object.assign(least, { ns, offUs: us - Number(before) / 1000 });
  }
  assert.ok(Math.abs(least.offUs) < 100, `${least.offUs} µs off`);
});

test("UTC is the wall clock", () => {
  const clock = new SystemClock();
  const before = Date.now() * 1000;
  const { utcUs } = clock.utcOf(clock.nowUs());
  assert.ok(utcUs >= before - 1000 && utcUs <= (Date.now() + 1) * 1000);
});

test("time qualities have these bytes on disk", () => {
  assert.deepEqual(TIME_QUALITIES, ["none", "est", "hint", "rtc", "ntp", "ptp"]);
});

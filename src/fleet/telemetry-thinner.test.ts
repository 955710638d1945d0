// Telemetry of an outage of days: how much of it is kept, and what of each stretch.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TelemetryThinner, type ThinnedSample } from "./telemetry-thinner.ts";

const MINUTE_MS = 60_000;

function outage(minutes: number, bodyOf = (minute: number) => ({ minute }) as Record<string, unknown>): ThinnedSample[] {
  const thinner = new TelemetryThinner();
  const kept: ThinnedSample[] = [];
  for (let minute = 0; minute < minutes; minute++) kept.push(...thinner.push(bodyOf(minute), minute * MINUTE_MS));
  return [...kept, ...thinner.end()];
}

test("each minute for an hour, then each ten minutes, after a day each hour", () => {
  assert.equal(outage(60).length, 60);
  assert.equal(outage(120).length, 60 + 6);
  assert.equal(outage(24 * 60).length, 60 + 23 * 6);
  assert.equal(outage(7 * 24 * 60).length, 60 + 23 * 6 + 6 * 24);
  assert.deepEqual(
    outage(60).map(({ body }) => body),
    Array.from({ length: 60 }, (_, minute) => ({ minute })),
  );
});

test("of ten minutes the newest sample is kept, with minimum, average and maximum of what varied", () => {
  const kept = outage(70, (minute) => ({
    sys: { temp_c: 40 + (minute % 10), fd: 7, name: "a" },
    disk: [{ free_mb: 1000 - minute }],
    newest: 1_795_360_016_000 + minute,
    none: null,
  })).at(-1)!;
  assert.equal(kept.atMs, 69 * MINUTE_MS);
  assert.deepEqual(JSON.parse(JSON.stringify(kept.body)), {
    sys: { temp_c: 49, fd: 7, name: "a" },
    disk: [{ free_mb: 931 }],
    newest: 1_795_360_016_069,
    none: null,
    agg: {
      s: 540,
      n: 10,
      min: { sys: { temp_c: 40 }, disk: { 0: { free_mb: 931 } } },
      avg: { sys: { temp_c: 44.5 }, disk: { 0: { free_mb: 935.5 } } },
      max: { sys: { temp_c: 49 }, disk: { 0: { free_mb: 940 } } },
    },
  });
});

test("an outage that is over is forgotten: the next one begins with every minute", () => {
  const thinner = new TelemetryThinner();
  for (let minute = 0; minute < 65; minute++) thinner.push({}, minute * MINUTE_MS);
  assert.equal(thinner.end().length, 1);
  assert.deepEqual(thinner.end(), []);
  assert.equal(thinner.push({}, 66 * MINUTE_MS).length, 1);
});

test("names of cameras are names, whatever they are", () => {
  const kept = outage(80, (minute) => JSON.parse(`{"cams":{"__proto__":{"fps":${minute}},"a.b/c":{"fps":${minute}}}}`)).at(-1)!;
  const agg = JSON.parse(JSON.stringify(kept.body))["agg"];
  assert.deepEqual(Object.keys(agg.max.cams).sort(), ["__proto__", "a.b/c"]);
});

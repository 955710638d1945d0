import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseRange, writeRange } from "./range-header.ts";

function smpte(hours: number, minutes: number, seconds: number, frames = 0, subframes = 0) {
  return { hours, minutes, seconds, frames, subframes };
}

describe("parseRange", () => {
  const cases: readonly [value: string, range: unknown][] = [
    ["npt=0.000-", { kind: "npt", start: 0, end: undefined }],
    ["npt=now-", { kind: "npt", start: "now", end: undefined }],
    ["NPT = 1.5 - 10 ; time=19970123T143720Z", { kind: "npt", start: 1.5, end: 10 }],
    ["npt=1:02:03.5-2:00:00", { kind: "npt", start: 3723.5, end: 7200 }],
    ["npt=-30", { kind: "npt", start: undefined, end: 30 }],
    ["npt=-", undefined],
    ["npt=x-", undefined],
    ["npt=0-end", undefined],
    ["npt=5", undefined],
    ["clock=20260801T120000Z-", { kind: "clock", startUtcMs: Date.UTC(2026, 7, 1, 12), endUtcMs: undefined }],
    [
      "clock=20260801T120000.25Z-20260801T120001",
      { kind: "clock", startUtcMs: Date.UTC(2026, 7, 1, 12) + 250, endUtcMs: Date.UTC(2026, 7, 1, 12, 0, 1) },
    ],
    ["clock=20261301T120000Z-", undefined],
    ["clock=20260801T250000Z-", undefined],
    ["clock=2026-08-01T12:00:00Z-", undefined],
    ["clock=-20260801T120000Z", undefined],
    ["smpte=10:12:33:20-", { kind: "smpte", framesPerS: 29.97, start: smpte(10, 12, 33, 20), end: undefined }],
    ["smpte-25=10:07:33-10:07:33:05.01", { kind: "smpte", framesPerS: 25, start: smpte(10, 7, 33), end: smpte(10, 7, 33, 5, 1) }],
    ["smpte-30-drop=00:00:01:00-", { kind: "smpte", framesPerS: 29.97, start: smpte(0, 0, 1), end: undefined }],
    ["smpte-60=00:00:01:00-", undefined],
    ["bytes=0-5", undefined],
    ["", undefined],
  ];
  for (const [value, range] of cases) it(JSON.stringify(value), () => assert.deepEqual(parseRange(value), range));
});

describe("writeRange", () => {
  for (const value of [
    "npt=0.000-",
    "npt=now-",
    "npt=-30.250",
    "npt=1.500-10.000",
    "clock=20260801T120000Z-20260801T120001.250Z",
    "smpte=10:12:33:20-",
    "smpte-25=10:07:33:00-10:07:33:05.01",
  ]) {
    it(value, () => assert.equal(writeRange(parseRange(value)!), value));
  }
});

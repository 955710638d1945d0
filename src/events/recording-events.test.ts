// What recorders and the ring say, as events.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayEvent } from "#control/event-bus.ts";
import type { RecorderState } from "#record/recorder-state.ts";
import { RecordingEvents } from "./recording-events.ts";

function setUp() {
  const events: GatewayEvent[] = [];
  const recording = new RecordingEvents({
    emit: (event) => events.push(event),
    nowUs: () => 5e6,
    utcMs: (atUs) => 1_795_000_000_000 + atUs / 1000,
    ringDirectory: () => "/rec",
  });
  const told = () => events.map(({ type, phase, severity, condition }) => `${type} ${phase} ${severity} ${condition ?? "-"}`);
  return { events, recording, told };
}

const state = (change: Partial<RecorderState>): RecorderState => ({
  ...{ state: "recording", reason: undefined, fault: undefined, lastWriteUs: undefined, droppedUnits: 0, bytes: 0, fragments: 0 },
  ...{ gaps: [], heldUs: 0, heldBytes: 0, queuedBytes: 0, openGap: undefined },
  ...change,
});

test("a gap, when it is over; not those that were asked for, nor those of a picture or two", () => {
  const { recording, events, told } = setUp();
  recording.onGap("gate", { fromUs: 1e6, toUs: 4e6, cause: "source" });
  recording.onGap("gate", { fromUs: 1e6, toUs: 1.9e6, cause: "source" });
  recording.onGap("gate", { fromUs: 1e6, toUs: 9e6, cause: "off" });
  assert.deepEqual(told(), ["rec.gap new warn -"]);
  assert.deepEqual(events[0]!.data, { from: 1_795_000_001_000, to: 1_795_000_004_000, cause: "cam" });
  assert.deepEqual([events[0]!.camera, events[0]!.atUs], ["gate", 4e6]);
});

test("recording stops, for another reason, and goes on", () => {
  const { recording, events, told } = setUp();
  for (const change of [
    { state: "recording" },
    { state: "error", fault: "full", reason: "full: no space" },
    { state: "error", fault: "full", reason: "full: still no space" },
    { state: "error", fault: "read-only", reason: "read-only" },
    { state: "waiting" },
    { state: "recording" },
    { state: "stalled" },
    { state: "recording" },
  ] as const)
    recording.onRecorder("gate", state(change));
  assert.deepEqual(told(), ["rec.stop new crit rec.stop gate", "rec.stop update crit rec.stop gate", "rec.resume end info rec.stop gate"]);
  assert.deepEqual(
    events.map(({ data }) => data["cause"]),
    ["full", "ro", "ro"],
  );
});

test("switched off while it was stopped: it has ended", () => {
  const { recording, events } = setUp();
  recording.onRecorder("gate", state({ state: "error", fault: "io" }));
  recording.onRecorder("gate", state({ state: "off" }));
  assert.deepEqual([events.at(-1)!.type, events.at(-1)!.data["off"]], ["rec.resume", true]);
});

test("the medium: slow, failing, worn out; each once until it is over", () => {
  const { recording, events, told } = setUp();
  recording.onRing({ type: "disk-calm" });
  recording.onRing({ type: "disk-slow" });
  recording.onRing({ type: "disk-slow" });
  recording.onRing({ type: "disk-calm" });
  recording.onRing({ type: "status", status: "degraded", code: "read-only", text: "it takes no writes" });
  recording.onRing({ type: "status", status: "recording", code: undefined, text: "" });
  recording.onRing({ type: "status", status: "degraded", code: "foreign", text: "" });
  const report = { writtenBytes: 1, ratedBytes: 2, used: 0.912, bytesPerDay: 3, daysLeft: 40.4, level: "warn" } as const;
  recording.onRing({ type: "wear", report });
  recording.onRing({ type: "wear", report: { ...report, level: "protect" } });
  recording.onRing({ type: "wear", report: { ...report, level: "good" } });
  recording.onRing({ type: "bad-chunk", chunk: 7, text: "CRC" });
  recording.onRing({ type: "gap", path: "gate", cause: "power", durationMs: undefined });
  recording.onRing({ type: "gap", path: "gate", cause: "disk", durationMs: 5 });
  assert.deepEqual(told(), [
    "disk.slow new warn disk.slow",
    "disk.slow end info disk.slow",
    "disk.ro new crit disk.ro",
    "disk.ro end info disk.ro",
    "disk.wear new warn disk.wear",
    "disk.wear update crit disk.wear",
    "disk.wear end info disk.wear",
    "disk.io new warn -",
    "rec.gap new warn -",
  ]);
  assert.deepEqual(events[4]!.data, { mnt: "/rec", level: "warn", wear_pct: 91.2, days_left: 40 });
});

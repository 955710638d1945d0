// Heat, voltage, clock, certificates.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayEvent } from "#control/event-bus.ts";
import type { Throttling } from "#device/health/health.ts";
import { MachineEvents } from "./machine-events.ts";

function setUp() {
  const events: GatewayEvent[] = [];
  const machine = new MachineEvents({ emit: (event) => events.push(event), nowUs: () => 7e6 });
  // biome-ignore lint/suspicious/noExplicitAny: nothing else of it is looked at
  const look = (sys: { temp_c?: number | null; thr?: { now: Throttling[]; ever: Throttling[] } }) => machine.look({ sys: sys as any });
  return { events, machine, look, told: () => events.map(({ type, phase, severity }) => `${type} ${phase} ${severity}`) };
}

test("hot from 80 °C on, until it is below 75", () => {
  const { look, told, events } = setUp();
  for (const celsius of [79.9, 80, 85, 76, 81, 74.9, null, 60]) look({ temp_c: celsius });
  look({});
  assert.deepEqual(told(), ["sys.hot new warn", "sys.hot end info"]);
  assert.deepEqual(
    events.map(({ data }) => data["temp_c"]),
    [80, 74.9],
  );
});

test("too little voltage, at its edges", () => {
  const { look, told } = setUp();
  for (const now of [[], ["uv", "thr"], ["uv"], ["thr"], []] as Throttling[][]) look({ thr: { now, ever: ["uv"] } });
  assert.deepEqual(told(), ["sys.power new crit", "sys.power end info"]);
});

test("the clock: synchronised, lost, found again, set", () => {
  const { machine, told, events } = setUp();
  machine.onClock({ kind: "synced", source: "chrony" });
  machine.onClock({ kind: "lost", source: "chrony" });
  machine.onClock({ kind: "synced", source: "chrony" });
  machine.onClock({ kind: "step", stepUs: -1_500_400 });
  assert.deepEqual(told(), ["clk.synced new info", "clk.lost new warn", "clk.synced end info", "clk.step new warn"]);
  assert.deepEqual([events[2]!.condition, events[3]!.data["step_ms"]], ["clk.lost", -1500]);
});

test("certificates: a month before, a week before, renewed", () => {
  const { machine, told, events } = setUp();
  for (const daysLeft of [31, 29.5, 20, 6.9, 6, 89]) machine.lookAtCertificates([{ setting: "mqtt.cert", daysLeft, lifeDays: 825 }]);
  assert.deepEqual(told(), ["sec.cert new warn", "sec.cert update crit", "sec.cert end info"]);
  assert.deepEqual(events[0]!.data, { setting: "mqtt.cert", days_left: 29 });
  machine.lookAtCertificates([{ setting: "apiServerCert", daysLeft: -1, lifeDays: 90 }]);
  machine.lookAtCertificates([]);
  assert.deepEqual(told().slice(3), ["sec.cert new crit", "sec.cert end info"]);
  // One that holds for ten days alone.
  for (const daysLeft of [9, 4, 3.3, 0.9]) machine.lookAtCertificates([{ setting: "mqtt.cert", daysLeft, lifeDays: 10 }]);
  assert.deepEqual(told().slice(5), ["sec.cert new warn", "sec.cert update crit"]);
});

// Guesses at passwords, gathered.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayEvent } from "#control/event-bus.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { AccessEvents } from "./access-events.ts";

test("what one address tries in a minute is one event; beyond eight addresses the rest is one", () => {
  const clock = new FakeClock();
  const timers = new ManualTimers(clock);
  const events: GatewayEvent[] = [];
  const access = new AccessEvents({ emit: (event) => events.push(event), nowUs: () => clock.nowUs(), schedule: timers.schedule });
  for (let i = 0; i < 100; i++) access.onRefusal("192.0.2.1", "rtsp");
  for (let i = 2; i < 12; i++) access.onRefusal(`192.0.2.${i}`, "");
  assert.equal(events.length, 0);
  timers.passMs(60_000);
  assert.equal(events.length, 9);
  assert.deepEqual(events[0]!.data, { ip: "192.0.2.1", proto: "rtsp", n: 100 });
  assert.deepEqual(events[1]!.data, { ip: "192.0.2.2", proto: "http", n: 1 });
  assert.deepEqual(events[8]!.data, { ip: null, proto: null, n: 3 });
  timers.passMs(600_000);
  assert.equal(events.length, 9);
  access.onRefusal("192.0.2.1", "rtsp");
  access.close();
  assert.deepEqual(timers.delaysMs, []);
});

test("a ban at once", () => {
  const events: GatewayEvent[] = [];
  const access = new AccessEvents({ emit: (event) => events.push(event), nowUs: () => 1, schedule: () => () => {} });
  access.onBan({ address: "2001:db8::/64", user: "", durationMs: 600_000 });
  assert.deepEqual(events[0], {
    type: "sec.ban",
    severity: "warn",
    phase: "new",
    data: { ip: "2001:db8::/64", user: null, for_s: 600 },
    atUs: 1,
  });
});

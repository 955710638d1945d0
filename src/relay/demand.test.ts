import assert from "node:assert/strict";
import { test } from "node:test";
import { Demand } from "./demand.ts";

function setUp() {
  const events: string[] = [];
  const demand = new Demand({
    startTimeoutMs: 10_000,
    closeAfterMs: 5_000,
    start: (query) => events.push(`start ${query}`),
    stop: () => events.push("stop"),
    onTimeout: () => events.push("timeout"),
  });
  return { events, demand };
}

test("starts once, with the first request's query, and stops after the last reader", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { events, demand } = setUp();
  demand.request("a=1");
  demand.request("a=2");
  demand.readers(0);
  assert.equal(demand.state, "closing");
  demand.readers(1);
  t.mock.timers.tick(60_000);
  assert.equal(demand.state, "running");
  demand.readers(0);
  t.mock.timers.tick(4_999);
  assert.deepEqual(events, ["start a=1"]);
  t.mock.timers.tick(1);
  assert.deepEqual(events, ["start a=1", "stop"]);
  assert.equal(demand.state, "idle");
});

test("a request in the closing time starts that time anew", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { events, demand } = setUp();
  demand.request("");
  demand.readers(0);
  t.mock.timers.tick(4_000);
  demand.request("");
  t.mock.timers.tick(4_000);
  assert.deepEqual(events, ["start "]);
  t.mock.timers.tick(1_000);
  assert.deepEqual(events, ["start ", "stop"]);
});

test("a source that does not come is stopped, and whoever waits is told", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { events, demand } = setUp();
  demand.request("");
  t.mock.timers.tick(10_000);
  assert.deepEqual(events, ["start ", "timeout", "stop"]);
  demand.request("");
  assert.equal(events.at(-1), "start ");
});

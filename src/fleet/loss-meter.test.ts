import assert from "node:assert/strict";
import { test } from "node:test";
import { LossMeter } from "./loss-meter.ts";

const MINUTE_MS = 60_000;

test("of few packets nothing is said", () => {
  const meter = new LossMeter();
  assert.equal(meter.percent(), undefined);
  meter.note({ connection: {}, sent: 19, resent: 1 }, 0);
  assert.equal(meter.percent(), undefined);
});

test("counters of a connection go on, those of the next begin anew", () => {
  const meter = new LossMeter();
  const [first, second] = [{}, {}];
  meter.note({ connection: first, sent: 100, resent: 0 }, 0);
  meter.note({ connection: first, sent: 300, resent: 4 }, MINUTE_MS);
  assert.equal(meter.percent(), 1.3);
  meter.note({ connection: second, sent: 100, resent: 0 }, 2 * MINUTE_MS);
  assert.equal(meter.percent(), 1);
});

test("an hour later it is forgotten, however often it is looked at", () => {
  const meter = new LossMeter();
  const connection = {};
  meter.note({ connection, sent: 100, resent: 50 }, 0);
  let sent = 100;
  for (let second = 5; second <= 3700; second += 5) meter.note({ connection, sent: ++sent, resent: 50 }, second * 1000);
  assert.equal(meter.percent(), 0);
});

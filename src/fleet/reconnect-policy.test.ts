import assert from "node:assert/strict";
import { test } from "node:test";
import { type LossCause, ReconnectPolicy } from "./reconnect-policy.ts";

const HIGHEST = 1;

/** Waits of attempts that all fail, with the highest draws. */
function waits(causes: readonly LossCause[], policy = new ReconnectPolicy({ capMs: 300_000, random: () => HIGHEST })): number[] {
  return causes.map((cause) => policy.nextMs(cause, 0));
}

test("attempts that fail wait longer and longer, up to the cap, and never less than a second", () => {
  const link = Array.from({ length: 9 }, () => "link" as const);
  assert.deepEqual(waits(link), [6000, 11_000, 21_000, 41_000, 81_000, 161_000, 301_000, 301_000, 301_000]);
  const lowest = new ReconnectPolicy({ capMs: 300_000, random: () => 0 });
  assert.deepEqual(waits(["link", "server", "busy"], lowest), [1000, 1000, 1000]);
});

test("after a connection was lost the first attempt comes soon, sooner where it was the link alone", () => {
  for (const [cause, mostMs] of [
    ["server", 30_000],
    ["link", 3000],
    ["busy", 6000],
  ] as const) {
    const policy = new ReconnectPolicy({ capMs: 300_000, random: () => HIGHEST });
    policy.connected(0);
    assert.equal(policy.nextMs(cause, 1000), mostMs, cause);
    assert.equal(policy.nextMs(cause, 1000), 11_000, `${cause}, again`);
  }
});

test("only a connection that lasts makes waits short again", () => {
  const policy = new ReconnectPolicy({ capMs: 300_000, random: () => HIGHEST });
  for (let i = 0; i < 4; i++) policy.nextMs("link", 0);
  policy.connected(0);
  assert.equal(policy.nextMs("link", 119_999), 81_000);
  policy.connected(200_000);
  assert.equal(policy.nextMs("link", 320_000), 3000);
});

test("refused credentials wait from a minute to an hour, and are forgiven when they are taken", () => {
  const policy = new ReconnectPolicy({ capMs: 300_000, random: () => HIGHEST });
  const minutes = Array.from({ length: 8 }, () => policy.nextMs("auth", 0) / 60_000);
  assert.deepEqual(minutes, [1, 2, 4, 8, 16, 32, 60, 60]);
  policy.connected(0);
  assert.equal(policy.nextMs("auth", 0), 60_000);
});

test("the NOC's window counts while it lasts", () => {
  const policy = new ReconnectPolicy({ capMs: 300_000, random: () => 0.5 });
  policy.window = { minMs: 60_000, maxMs: 120_000, untilMs: 1000 };
  assert.equal(policy.nextMs("server", 999), 90_000);
  assert.equal(policy.nextMs("server", 1000), 6000);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LinkStatus } from "./fleet-link.ts";
import { LinkMeter, type LinkMeterOptions } from "./link-meter.ts";

function setUp(tcpInfo: LinkMeterOptions["tcpInfo"]) {
  const status: { -readonly [K in keyof LinkStatus]: LinkStatus[K] } = {
    ...{ url: "mqtt://broker", version: 5, reconnects: 0, roundTripMs: 31, lookupMs: undefined, sentBytes: 0, socket: undefined },
    lastError: undefined,
  };
  const bytes = {
    today: 0,
    add(more: number) {
      this.today += more;
    },
  };
  return { status, bytes, meter: new LinkMeter({ status: () => status, tcpInfo, bytes, nowMs: () => 0 }) };
}

test("without the kernel's word the way is as long as the broker takes, and nobody knows what is lost", () => {
  const { status, meter } = setUp(() => undefined);
  assert.deepEqual(meter.read(), { rtt_ms: 31, loss_pct: null, dns_ms: null, bytes_up_day: 0 });
  status.socket = { connection: {}, descriptor: 5 };
  status.lookupMs = 11.26;
  assert.deepEqual(meter.read(), { rtt_ms: 31, loss_pct: null, dns_ms: 11.3, bytes_up_day: 0 });
});

test("the kernel knows the way and what it sent again", () => {
  const asked: number[] = [];
  const { status, meter } = setUp((descriptor) => {
    asked.push(descriptor);
    return { roundTripUs: 23_456, sentSegments: 400, resentSegments: 2 };
  });
  status.socket = { connection: {}, descriptor: 17 };
  assert.deepEqual([meter.read().rtt_ms, meter.read().loss_pct], [23.5, 0.5]);
  assert.deepEqual(asked, [17, 17]);
});

test("a socket of which nothing was measured yet", () => {
  const { status, meter } = setUp(() => ({ roundTripUs: 0, sentSegments: 1, resentSegments: 0 }));
  status.socket = { connection: {}, descriptor: 17 };
  assert.deepEqual([meter.read().rtt_ms, meter.read().loss_pct], [31, null]);
});

test("without a connection there is no way; what went over it stays counted, once", () => {
  const { status, meter } = setUp(() => undefined);
  status.sentBytes = 1000;
  assert.equal(meter.read().bytes_up_day, 1000);
  status.url = undefined;
  assert.deepEqual([meter.read().rtt_ms, meter.read().bytes_up_day], [null, 1000]);
  status.sentBytes = 1200;
  assert.equal(meter.read().bytes_up_day, 1200);
});

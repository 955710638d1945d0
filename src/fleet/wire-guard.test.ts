// What a broker may send: sizes, rates, and heads of packets in pieces of any length.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WireGuard, type WireLimits } from "./wire-guard.ts";

const LIMITS: WireLimits = { packetBytes: 300, burstPackets: 5, packetsPerSecond: 1, burstBytes: 2000, bytesPerSecond: 100 };

function packet(first: number, size: number): Buffer {
  const length = size < 128 ? [size] : [(size & 0x7f) | 0x80, size >> 7];
  return Buffer.concat([Buffer.from([first, ...length]), Buffer.alloc(size, 0xff)]);
}

test("packets in pieces of every length", () => {
  const bytes = Buffer.concat([packet(0x20, 3), packet(0x32, 300), packet(0xd0, 0), packet(0x30, 128)]);
  for (let size = 1; size <= bytes.length; size++) {
    const guard = new WireGuard(LIMITS, 0);
    for (let at = 0; at < bytes.length; at += size) assert.equal(guard.push(bytes.subarray(at, at + size), 0), undefined);
  }
});

test("faults are found at the head of a packet, before its body comes", () => {
  const rows: readonly [head: readonly number[], fault: RegExp][] = [
    [[0x30, 0xad, 0x02], /301 bytes is larger than 300/],
    [[0x30, 0xff, 0xff, 0xff, 0x7f], /268435455 bytes/],
    [[0x30, 0xff, 0xff, 0xff, 0xff], /no end/],
    [[0x34, 0x05], /QoS/],
    [[0x36, 0x05], /QoS/],
  ];
  for (const [head, fault] of rows) assert.match(new WireGuard(LIMITS, 0).push(Buffer.from(head), 0) ?? "", fault);
});

test("more packets than anybody has to say, unless they are acknowledgements that are due", () => {
  const guard = new WireGuard(LIMITS, 0);
  const pings = Buffer.concat(Array.from({ length: 5 }, () => packet(0xd0, 0)));
  assert.equal(guard.push(pings, 0), undefined);
  assert.match(guard.push(packet(0xd0, 0), 0) ?? "", /more than/);
  const patient = new WireGuard(LIMITS, 0);
  assert.equal(patient.push(pings, 0), undefined);
  assert.equal(patient.push(packet(0xd0, 0), 1000), undefined);
  for (let i = 0; i < 100; i++) {
    patient.expectAck();
    assert.equal(patient.push(packet(0x40, 2), 1000), undefined);
  }
  assert.match(patient.push(packet(0x40, 2), 1000) ?? "", /more than/);
});

test("more bytes than anybody has to say", () => {
  const guard = new WireGuard({ ...LIMITS, burstPackets: 1000 }, 0);
  for (let i = 0; i < 6; i++) assert.equal(guard.push(packet(0x30, 300), 0), undefined);
  assert.match(guard.push(packet(0x30, 300), 0) ?? "", /more than/);
});

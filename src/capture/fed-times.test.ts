import assert from "node:assert/strict";
import { test } from "node:test";
import { FedTimes } from "./fed-times.ts";

/** Frames of 20 ms, captured from 1,000 s on. */
function fed(count: number, { senderUtcUs }: { senderUtcUs?: number } = {}): FedTimes {
  const times = new FedTimes();
  for (let i = 0; i < count; i++) {
    const captureUs = 1e9 + i * 20_000;
    times.note(i * 20_000, 20_000, { captureUs, ...(senderUtcUs !== undefined && { senderUtcUs: senderUtcUs + i * 20_000 }) });
  }
  return times;
}

test("a time is that of the frame which it lies in, and what has passed since", () => {
  const times = fed(10);
  assert.deepEqual(times.at(-2500), { captureUs: 1e9 - 2500 }, "what warms the decoder up");
  assert.deepEqual(times.at(0), { captureUs: 1e9 });
  assert.deepEqual(times.at(17_500), { captureUs: 1e9 + 17_500 });
  assert.deepEqual(times.at(190_000), { captureUs: 1e9 + 190_000 });
});

test("captures that come late, and a gap, are followed", () => {
  const times = fed(2);
  times.note(500_000, 20_000, { captureUs: 1e9 + 507_000 });
  assert.deepEqual(times.at(100_000), { captureUs: 1e9 + 100_000 }, "silence");
  assert.deepEqual(times.at(501_000), { captureUs: 1e9 + 508_000 });
});

test("the camera's clock goes along", () => {
  assert.deepEqual(fed(3, { senderUtcUs: 1.7e15 }).at(30_000), { captureUs: 1e9 + 30_000, senderUtcUs: 1.7e15 + 30_000 });
});

test("what nothing was given for has no time", () => {
  assert.equal(new FedTimes().at(0), undefined);
  const times = fed(3);
  assert.ok(times.at(40_000 + 20_000 + 100_000) !== undefined);
  assert.equal(times.at(40_000 + 20_000 + 100_001), undefined);
});

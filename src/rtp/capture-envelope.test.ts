import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "#testing/mutate.ts";
import { CaptureEnvelope } from "./capture-envelope.ts";

const FRAME_US = 40_000;

describe("capture envelope", () => {
  test("jitter leaves no trace once the least delay was seen", () => {
    const random = seededRandom(4);
    const envelope = new CaptureEnvelope();
    for (let i = 0; i < 1000; i++) {
      const elapsedUs = i * FRAME_US;
      const jitterUs = i % 10 === 3 ? 0 : random(80_000);
      const capturedUs = envelope.capture(elapsedUs, 5_000_000 + elapsedUs + jitterUs);
      if (i >= 10) assert.ok(Math.abs(capturedUs - (5_000_000 + elapsedUs)) < 1, `frame ${i}: ${capturedUs - 5_000_000 - elapsedUs} µs`);
    }
  });

  test("the distance of two frames is never changed by more than 500 ppm", () => {
    const random = seededRandom(5);
    const envelope = new CaptureEnvelope();
    let before = 0;
    for (let i = 0; i < 5000; i++) {
      const lateUs = i > 2000 ? 700_000 : 0; // the network's path became longer for good
      const capturedUs = envelope.capture(i * FRAME_US, i * FRAME_US + lateUs + random(10_000));
      if (i > 100) assert.ok(Math.abs(capturedUs - before - FRAME_US) <= 800_000 * 500e-6 + 1, `frame ${i}`);
      before = capturedUs;
    }
  });

  test("a clock that drifts by 300 ppm is followed", () => {
    const envelope = new CaptureEnvelope();
    let worstUs = 0;
    for (let i = 0; i < 50_000; i++) {
      const trueUs = i * FRAME_US;
      worstUs = Math.max(worstUs, Math.abs(envelope.capture(trueUs * (1 - 300e-6), trueUs) - trueUs));
    }
    assert.ok(worstUs < 25_000, `${worstUs} µs`); // a minute's drift: that long the least delay is remembered
  });
});

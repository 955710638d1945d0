import assert from "node:assert/strict";
import { test } from "node:test";
import { TrackTiming } from "./track-timing.ts";

const RATE = 90_000;
const FRAME_US = 40_000;
const FRAME_TICKS = 3600;
const NTP_1970_S = 2_208_988_800;
const NOON_S = Date.UTC(2026, 10, 22, 12) / 1000;

test("an RTP clock that jumps takes the sender's wall clock nowhere", () => {
  for (const jumpTicks of [3600 * RATE, -3600 * RATE]) {
    const timing = new TrackTiming({ clockRateHz: RATE, repair: true, memory: { last: undefined } });
    const rawOf = (i: number): number => i * FRAME_TICKS + (i >= 100 ? jumpTicks : 0);
    const report = (i: number): void => timing.sender.report(NOON_S + NTP_1970_S + i / 25, 0, rawOf(i), i * FRAME_US);
    let unknown = 0;
    for (let i = 0; i < 200; i++) {
      const { senderUtcUs } = timing.next(rawOf(i), i * FRAME_US, false);
      if (i % 25 === 0) report(i);
      if (i <= 25) continue; // two reports are needed
      if (senderUtcUs === undefined) unknown++;
      else assert.ok(Math.abs(senderUtcUs - NOON_S * 1e6 - i * FRAME_US) < 20, `frame ${i}: ${senderUtcUs - NOON_S * 1e6} µs`);
    }
    assert.equal(unknown, 3, "the frames that were not believed");
    assert.equal(timing.sender.rejected, 2, "the first report, and the one before the jump was believed");
  }
});

test("a publisher's clock is taken as it is", () => {
  const timing = new TrackTiming({ clockRateHz: RATE, repair: false, memory: { last: undefined } });
  for (const i of [0, 25]) timing.sender.report(NOON_S + NTP_1970_S + i / 25, 0, i * FRAME_TICKS, i * FRAME_US);
  assert.deepEqual(timing.next(50 * FRAME_TICKS, 0, false).senderUtcUs, (NOON_S + 2) * 1e6);
});

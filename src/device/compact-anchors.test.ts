import assert from "node:assert/strict";
import { test } from "node:test";
import type { TimeQuality } from "#base/clock.ts";
import { ANCHOR_FLAGS, type ClockAnchor } from "#base/clock-anchor.ts";
import { UtcModel } from "#base/utc-model.ts";
import { fuzzRandom } from "#testing/mutate.ts";
import { compactAnchors } from "./compact-anchors.ts";

const T0_US = Date.UTC(2026, 2, 1) * 1000;
const HOUR_US = 3600e6;

function anchor(bootCounter: number, hours: number, offsetUs: number, quality: TimeQuality, flags = 0): ClockAnchor {
  const monoUs = hours * HOUR_US;
  return {
    bootCounter,
    bootId: "4a999524-645c-41ae-afd2-a71430eb9d0f",
    monoUs,
    utcUs: T0_US + offsetUs + monoUs,
    quality,
    flags,
    errorUs: 1000,
  };
}

test("a year of hours without an event is its two ends", () => {
  const hours = Array.from({ length: 8766 }, (_, hour) => anchor(1, hour, hour % 2, "ntp"));
  assert.deepEqual(compactAnchors(hours, 100), [hours[0], hours.at(-1)]);
});

test("what is left says the same of every stamp", () => {
  const random = fuzzRandom(12);
  const anchors: ClockAnchor[] = [];
  let offsetUs = 0;
  for (let hour = 0; hour < 400; hour++) {
    const isStep = random(40) === 0;
    if (isStep) offsetUs += random(2e9) - 1e9;
    const isLost = Math.floor(hour / 50) % 3 === 1;
    anchors.push(anchor(1, hour, offsetUs + random(900), "ntp", (isStep ? ANCHOR_FLAGS.step : 0) | (isLost ? ANCHOR_FLAGS.lost : 0)));
  }
  const compacted = compactAnchors(anchors, 200);
  assert.ok(compacted.length < 100);
  const [whole, less] = [new UtcModel(anchors), new UtcModel(compacted)];
  for (let hour = 0; hour < 400; hour += 0.25) {
    const stamp = { bootCounter: 1, monoUs: hour * HOUR_US };
    assert.ok(Math.abs(whole.utcOf(stamp).utcUs - less.utcOf(stamp).utcUs) <= 3000, `hour ${hour}`);
  }
});

test("of a boot whose clock was never at rest the ends and the latest stay; other boots lose nothing", () => {
  const quiet = [anchor(1, 1, 0, "est"), anchor(1, 2, 5e6, "ntp", ANCHOR_FLAGS.step)];
  const restless = Array.from({ length: 500 }, (_, step) => anchor(2, step, step * 1e6, step < 3 ? "est" : "ntp", ANCHOR_FLAGS.step));
  const compacted = compactAnchors([...restless, ...quiet], 100);
  assert.deepEqual(compacted, [...quiet, restless[0], restless[3], ...restless.slice(-16)]);
});

test("when all else is too much the oldest boots go, the latest never", () => {
  const boots = Array.from({ length: 100 }, (_, index) => [anchor(index + 1, 0, 0, "ntp"), anchor(index + 1, 1, 0, "ntp")]).flat();
  assert.deepEqual(compactAnchors(boots, 51), boots.slice(-50));
  assert.deepEqual(compactAnchors(boots, 0), boots.slice(-2));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds } from "#testing/mutate.ts";
import type { TimeQuality } from "./clock.ts";
import { ANCHOR_FLAGS, type ClockAnchor } from "./clock-anchor.ts";
import { UtcModel } from "./utc-model.ts";

const SECOND_US = 1e6;
const HOUR_US = 3600 * SECOND_US;
/** 2026-03-01T00:00:00Z. */
const T0_US = Date.UTC(2026, 2, 1) * 1000;

function anchor(bootCounter: number, monoUs: number, utcUs: number, quality: TimeQuality, flags = 0, errorUs?: number): ClockAnchor {
  return { bootCounter, bootId: "00000000-0000-4000-8000-000000000001", monoUs, utcUs, quality, flags, errorUs };
}

test("before the first synchronised anchor UTC is counted back from it", () => {
  const model = new UtcModel([
    anchor(1, 5 * SECOND_US, 5 * SECOND_US, "none", ANCHOR_FLAGS.start),
    anchor(1, 120 * SECOND_US, T0_US, "ntp", ANCHOR_FLAGS.step, 2000),
  ]);
  assert.deepEqual(model.utcOf({ bootCounter: 1, monoUs: 20 * SECOND_US }), {
    utcUs: T0_US - 100 * SECOND_US,
    quality: "ntp",
    errorMs: 2 + 100 * 50e-3,
  });
});

test("between synchronised anchors UTC is a straight line that meets both", () => {
  const drifted = T0_US + HOUR_US + 300_000; // 83 ppm
  const model = new UtcModel([
    anchor(1, HOUR_US, T0_US, "ntp", 0, 3000),
    anchor(1, 2 * HOUR_US, drifted, "ntp", 0, 5000),
    anchor(1, 3 * HOUR_US, drifted + HOUR_US, "ntp", 0, 1000),
  ]);
  const at = (monoUs: number) => model.utcOf({ bootCounter: 1, monoUs });
  assert.equal(at(1.5 * HOUR_US).utcUs, T0_US + 0.5 * HOUR_US + 150_000);
  assert.equal(at(1.5 * HOUR_US).errorMs, 5);
  assert.equal(at(2 * HOUR_US).utcUs, drifted);
  assert.ok(Math.abs(at(2 * HOUR_US).utcUs - at(2 * HOUR_US - 1).utcUs - 1) <= 1);
});

test("more than 500 ppm is no drift: the line keeps to that, and the rest is a jump and an error", () => {
  const model = new UtcModel([anchor(1, 0, T0_US, "ntp", 0, 0), anchor(1, 1000 * SECOND_US, T0_US + 1010 * SECOND_US, "ntp", 0, 0)]);
  const before = model.utcOf({ bootCounter: 1, monoUs: 500 * SECOND_US });
  assert.equal(before.utcUs, T0_US + 500 * SECOND_US + 250_000);
  assert.equal(before.errorMs, 9500);
  assert.equal(model.utcOf({ bootCounter: 1, monoUs: 1000 * SECOND_US }).utcUs, T0_US + 1010 * SECOND_US);
});

test("a step lies at the anchor that says so; stamps on both sides keep their own clock, and both answer for the hours that came twice", () => {
  const model = new UtcModel([
    anchor(1, HOUR_US, T0_US, "ntp"),
    anchor(1, 3 * HOUR_US, T0_US, "ntp", ANCHOR_FLAGS.step), // set back by two hours
  ]);
  assert.equal(model.utcOf({ bootCounter: 1, monoUs: 3 * HOUR_US - 1 }).utcUs, T0_US + 2 * HOUR_US - 1);
  assert.equal(model.utcOf({ bootCounter: 1, monoUs: 3 * HOUR_US }).utcUs, T0_US);
  assert.deepEqual(model.monoOf(T0_US + HOUR_US), [
    { bootCounter: 1, monoUs: 2 * HOUR_US },
    { bootCounter: 1, monoUs: 4 * HOUR_US },
  ]);
});

test("nobody has a time that the clock jumped over", () => {
  const model = new UtcModel([anchor(1, 0, T0_US, "est"), anchor(1, HOUR_US, T0_US + 5 * HOUR_US, "est", ANCHOR_FLAGS.step)]);
  assert.deepEqual(model.monoOf(T0_US + 3 * HOUR_US), []);
  assert.deepEqual(model.rangesOf(T0_US + 0.5 * HOUR_US, T0_US + 6 * HOUR_US), [
    { bootCounter: 1, fromMonoUs: 0.5 * HOUR_US, toMonoUs: HOUR_US - 1 },
    { bootCounter: 1, fromMonoUs: HOUR_US, toMonoUs: 2 * HOUR_US },
  ]);
});

test("after the last anchor the error grows by 50 ppm, until the clock is confirmed", () => {
  const model = new UtcModel([anchor(1, 0, T0_US, "ntp", 0, 1000)]);
  const errorMs = () => model.utcOf({ bootCounter: 1, monoUs: 2 * HOUR_US }).errorMs;
  assert.equal(errorMs(), 1 + 360);
  const { version } = model;
  model.confirm(anchor(1, 2 * HOUR_US, T0_US + 2 * HOUR_US, "ntp", 0, 1500));
  assert.equal(errorMs(), 1.5);
  assert.equal(model.version, version);
});

test("in holdover the error grows away from both ends", () => {
  const model = new UtcModel([
    anchor(1, 0, T0_US, "ntp", ANCHOR_FLAGS.lost, 1000),
    anchor(1, 10 * HOUR_US, T0_US + 10 * HOUR_US, "ntp", 0, 2000),
  ]);
  assert.equal(model.utcOf({ bootCounter: 1, monoUs: HOUR_US }).errorMs, 1 + 180);
  assert.equal(model.utcOf({ bootCounter: 1, monoUs: 9 * HOUR_US }).errorMs, 2 + 180);
});

test("a wall clock that somebody sets in holdover is not believed", () => {
  const model = new UtcModel([
    anchor(1, 0, T0_US, "ntp", ANCHOR_FLAGS.lost, 0),
    anchor(1, HOUR_US, T0_US + 9 * HOUR_US, "est", ANCHOR_FLAGS.step),
  ]);
  assert.deepEqual(model.utcOf({ bootCounter: 1, monoUs: 2 * HOUR_US }), { utcUs: T0_US + 2 * HOUR_US, quality: "ntp", errorMs: 360 });
});

test("a wall clock that ran ten minutes in peace overrules what it was before", () => {
  const stale = anchor(1, SECOND_US, T0_US - 72 * HOUR_US, "est", ANCHOR_FLAGS.start);
  const set = anchor(1, 60 * SECOND_US, T0_US, "est", ANCHOR_FLAGS.step);
  const proved = anchor(1, 660 * SECOND_US, T0_US + 600 * SECOND_US, "est", ANCHOR_FLAGS.stable);
  const model = new UtcModel([stale, set]);
  assert.equal(model.utcOf({ bootCounter: 1, monoUs: SECOND_US }).utcUs, T0_US - 72 * HOUR_US);
  const { version } = model;
  model.add(proved);
  assert.deepEqual(model.utcOf({ bootCounter: 1, monoUs: 0 }), { utcUs: T0_US - 60 * SECOND_US, quality: "est", errorMs: undefined });
  assert.equal(model.version, version + 1);
});

test("the hardware clock counts until a synchronised one is there", () => {
  const rtc = anchor(1, SECOND_US, T0_US, "rtc", ANCHOR_FLAGS.start);
  const ntp = anchor(1, 61 * SECOND_US, T0_US + 63 * SECOND_US, "ntp", ANCHOR_FLAGS.step, 0);
  const model = new UtcModel([rtc]);
  assert.equal(model.utcOf({ bootCounter: 1, monoUs: 11 * SECOND_US }).quality, "rtc");
  model.add(ntp);
  assert.deepEqual(model.utcOf({ bootCounter: 1, monoUs: 11 * SECOND_US }), {
    utcUs: T0_US + 13 * SECOND_US,
    quality: "ntp",
    errorMs: 50 * 50e-3,
  });
});

test("a boot without a clock goes after the footage of the one before, and moves when that is known better", () => {
  const first = anchor(1, HOUR_US, T0_US, "ntp");
  const unknown = anchor(2, 10 * SECOND_US, 10 * SECOND_US, "none");
  const third = anchor(3, HOUR_US, T0_US + 10 * HOUR_US, "ntp");
  const model = new UtcModel([first, unknown]);
  const start = () => model.utcOf({ bootCounter: 2, monoUs: 0 });
  assert.deepEqual(start(), { utcUs: T0_US, quality: "est", errorMs: undefined });
  const { version } = model;
  model.noteFootage({ bootCounter: 1, monoUs: 2 * HOUR_US });
  assert.equal(start().utcUs, T0_US + HOUR_US);
  assert.equal(model.version, version + 1);
  model.noteFootage({ bootCounter: 2, monoUs: HOUR_US });
  model.add(third); // began at T0 + 9 h: there are 8 hours for the one that boot 2 has
  assert.deepEqual(start(), { utcUs: T0_US + HOUR_US, quality: "est", errorMs: 7 * 3600 * 1000 });
});

test("boots before the first that knew its time end where the next one begins", () => {
  const model = new UtcModel([
    anchor(1, HOUR_US, HOUR_US, "none"),
    anchor(2, HOUR_US, HOUR_US, "none"),
    anchor(3, 2 * HOUR_US, T0_US + 2 * HOUR_US, "ntp"),
  ]);
  assert.equal(model.utcOf({ bootCounter: 2, monoUs: HOUR_US }).utcUs, T0_US);
  assert.equal(model.utcOf({ bootCounter: 1, monoUs: HOUR_US }).utcUs, T0_US - HOUR_US);
  assert.equal(model.utcOf({ bootCounter: 1, monoUs: 0 }).quality, "est");
  assert.deepEqual(model.monoOf(T0_US - 1), [
    { bootCounter: 1, monoUs: 2 * HOUR_US - 1 }, // it may have gone on unseen
    { bootCounter: 2, monoUs: HOUR_US - 1 },
  ]);
});

test("where no boot knows anything they follow each other from 1970 on", () => {
  const model = new UtcModel([anchor(4, HOUR_US, 77, "none"), anchor(7, SECOND_US, 77, "none")]);
  assert.deepEqual(model.utcOf({ bootCounter: 4, monoUs: 5 }), { utcUs: 5, quality: "none", errorMs: undefined });
  assert.deepEqual(model.utcOf({ bootCounter: 7, monoUs: 5 }), { utcUs: HOUR_US + 5, quality: "none", errorMs: undefined });
  assert.deepEqual(model.utcOf({ bootCounter: 9, monoUs: 5 }), { utcUs: 5, quality: "none", errorMs: undefined });
});

test("a wall clock restored from an old file gives way to the boots around it", () => {
  const model = new UtcModel([
    anchor(1, 0, T0_US, "ntp"),
    anchor(1, 5 * HOUR_US, T0_US + 5 * HOUR_US, "ntp"),
    anchor(2, 0, T0_US + 4 * HOUR_US, "est"), // saved an hour before the power went
    anchor(2, HOUR_US, T0_US + 5 * HOUR_US, "est"),
    anchor(3, 0, T0_US + 8 * HOUR_US, "ntp"),
  ]);
  assert.deepEqual(model.utcOf({ bootCounter: 2, monoUs: 0 }), { utcUs: T0_US + 5 * HOUR_US, quality: "est", errorMs: 2 * 3600 * 1000 });
  model.add(anchor(2, HOUR_US, T0_US + 99 * HOUR_US, "est", ANCHOR_FLAGS.stable));
  assert.equal(model.utcOf({ bootCounter: 2, monoUs: HOUR_US }).utcUs, T0_US + 8 * HOUR_US);
});

test("an anchor that says what was known already changes nothing", () => {
  const model = new UtcModel([anchor(1, 0, T0_US, "ntp"), anchor(2, 0, T0_US + HOUR_US, "ntp")]);
  const { version } = model;
  model.add(anchor(2, HOUR_US, T0_US + 2 * HOUR_US + 500, "ntp"));
  model.noteFootage({ bootCounter: 2, monoUs: 2 * HOUR_US });
  assert.equal(model.version, version);
  model.add(anchor(2, 2 * HOUR_US, T0_US + 3 * HOUR_US + 500_000, "ntp", ANCHOR_FLAGS.step));
  assert.equal(model.version, version + 1);
});

test("anchors that are forgotten leave the footage that was noted", () => {
  const model = new UtcModel([anchor(1, HOUR_US, T0_US, "ntp"), anchor(2, HOUR_US, T0_US + 5 * HOUR_US, "ntp")]);
  model.noteFootage({ bootCounter: 1, monoUs: HOUR_US });
  model.replace([anchor(2, HOUR_US, T0_US + 5 * HOUR_US, "ntp")]);
  assert.deepEqual(model.utcOf({ bootCounter: 1, monoUs: HOUR_US }), { utcUs: T0_US + 4 * HOUR_US, quality: "est", errorMs: undefined });
});

const QUALITIES: readonly TimeQuality[] = ["none", "est", "hint", "rtc", "ntp", "ptp"];

test("whatever the anchors: stamps between them are in order, lines meet, and the way back leads to the same stamp", () => {
  const random = fuzzRandom(8);
  for (let round = fuzzRounds(300); round > 0; round--) {
    const anchors: ClockAnchor[] = [];
    let [monoUs, utcUs] = [random(1e6), T0_US + random(1e9)];
    for (let left = 1 + random(8); left > 0; left--) {
      const isStep = random(4) === 0;
      anchors.push(anchor(1, monoUs, utcUs, "ntp", isStep ? ANCHOR_FLAGS.step : 0, random(1e5)));
      const elapsedUs = 1 + random(5e9);
      monoUs += elapsedUs;
      // Up to 500 ppm of slewing, or a jump to wherever.
      utcUs += elapsedUs + Math.trunc((elapsedUs * (random(1000) - 500)) / 1e6);
      if (random(4) === 0) {
        utcUs += random(4e9) - 2e9;
        anchors.push(anchor(1, monoUs, utcUs, "ntp", ANCHOR_FLAGS.step, random(1e5)));
        monoUs += 1 + random(1e6);
        utcUs = anchors.at(-1)!.utcUs + monoUs - anchors.at(-1)!.monoUs;
      }
    }
    const model = new UtcModel(anchors);
    const at = (stampUs: number) => model.utcOf({ bootCounter: 1, monoUs: stampUs });
    for (const [index, { monoUs: knotUs, flags, utcUs: knotUtcUs }] of anchors.entries()) {
      assert.ok(Math.abs(at(knotUs).utcUs - knotUtcUs) <= 1);
      if (index > 0 && flags === 0) assert.ok(Math.abs(at(knotUs).utcUs - 1 - at(knotUs - 1).utcUs) <= 3, "lines meet");
    }
    for (let query = 20; query > 0; query--) {
      const stampUs = random(Math.round(monoUs * 1.2) + 1);
      const nextKnotUs = anchors.find((knot) => knot.monoUs > stampUs)?.monoUs ?? stampUs + 1e6;
      const laterUs = stampUs + random(nextKnotUs - stampUs);
      assert.ok(at(laterUs).utcUs >= at(stampUs).utcUs, "in order");
      assert.ok(at(stampUs).errorMs! >= 0);
      assert.ok(
        model.monoOf(at(stampUs).utcUs).some((stamp) => Math.abs(stamp.monoUs - stampUs) <= 2),
        "the way back",
      );
    }
  }
});

test("hostile anchors give numbers, whatever they say", () => {
  const random = fuzzRandom(9);
  const extremes = [0, 1, 2 ** 53 - 1, T0_US, HOUR_US];
  const any = (): number => (random(2) === 0 ? extremes[random(extremes.length)]! : random(2 ** 31) * random(4e6));
  for (let round = fuzzRounds(300); round > 0; round--) {
    const model = new UtcModel();
    for (let left = random(20); left > 0; left--) {
      const boot = 1 + random(4);
      const hostile = anchor(boot, any(), any(), QUALITIES[random(6)]!, random(32), random(2) === 0 ? undefined : random(2 ** 32));
      if (random(4) === 0) model.confirm(hostile);
      else model.add(hostile);
      if (random(4) === 0) model.noteFootage({ bootCounter: 1 + random(5), monoUs: any() });
      const { version } = model;
      const { utcUs, errorMs } = model.utcOf({ bootCounter: 1 + random(5), monoUs: any() });
      assert.ok(Number.isFinite(utcUs));
      assert.ok(errorMs === undefined || errorMs >= 0);
      const ranges = model.rangesOf(any(), any());
      assert.ok(ranges.every(({ fromMonoUs, toMonoUs }) => fromMonoUs >= 0 && toMonoUs >= fromMonoUs));
      assert.equal(model.version, version, "questions change nothing");
    }
  }
});

test("of thousands of boots, those that a time can mean are found", () => {
  const boots = 4000;
  const model = new UtcModel(
    Array.from({ length: boots }, (_, index) => anchor(index + 1, SECOND_US, T0_US + index * HOUR_US, index % 3 === 0 ? "none" : "ntp")),
  );
  for (let counter = 2; counter < boots; counter += 3) {
    const found = model.monoOf(T0_US + (counter - 1) * HOUR_US).map(({ bootCounter }) => bootCounter);
    assert.ok(found.includes(counter) && found.length <= 3, `boot ${counter}: ${found}`);
  }
});

test("a boot is found by the kernel's name for it, as long as an anchor tells it", () => {
  const bootId = "1f6d8c5e-1a2b-4c3d-9e8f-00112233aabb";
  const model = new UtcModel([anchor(1, 0, T0_US, "ntp"), { ...anchor(2, 0, T0_US + HOUR_US, "ntp"), bootId }]);
  assert.equal(model.bootOf(bootId), 2);
  assert.equal(model.bootOf("00000000-0000-4000-8000-000000000001"), 1);
  assert.equal(model.bootOf("00000000-0000-4000-8000-000000000002"), undefined);
  model.noteFootage({ bootCounter: 2, monoUs: 5 });
  model.replace([]);
  assert.equal(model.bootOf(bootId), undefined);
});

import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { type CronExpression, doMeet, parseCron } from "./cron-expression.ts";

function parsed(text: string): CronExpression {
  const found = parseCron(text);
  if ("fault" in found) assert.fail(`${text}: ${found.fault}`);
  return found;
}

function faultOf(text: string): string {
  const found = parseCron(text);
  return "fault" in found ? found.fault : assert.fail(`'${text}' is taken`);
}

test("fields are numbers, names, ranges, lists and steps", () => {
  const { minutes, hours, daysOfMonth, months, daysOfWeek } = parsed(" */20 22-23,6  1 jan,JUL mon-fri ");
  assert.deepEqual(minutes, [0, 20, 40]);
  assert.deepEqual(hours, [6, 22, 23]);
  assert.deepEqual([...daysOfMonth], [1]);
  assert.deepEqual([...months], [1, 7]);
  assert.deepEqual([...daysOfWeek], [1, 2, 3, 4, 5]);
});

test("a range may go over the end, and what is said twice counts once", () => {
  const { minutes, hours, daysOfWeek } = parsed("5,5 22-2 * * fri-sun");
  assert.deepEqual([minutes, hours, [...daysOfWeek].sort()], [[5], [0, 1, 2, 22, 23], [0, 5, 6]]);
});

test("Sunday is 0 and 7", () => {
  assert.deepEqual([...parsed("0 0 * * 7").daysOfWeek], [0]);
  assert.deepEqual([...parsed("0 0 * * 0").daysOfWeek], [0]);
});

describe("what is wrong is named", () => {
  for (const [text, fault] of [
    ["", /needs five fields .* and has 0/],
    ["0 3 * *", /needs five fields .* and has 4/],
    ["0 0 3 * * *", /needs five fields .* and has 6/],
    ["60 3 * * *", /^the field minute cannot be '60'/],
    ["0 24 * * *", /^the field hour cannot be '24'/],
    ["0 3 0 * *", /^the field day of month cannot be '0'/],
    ["0 3 * 13 *", /^the field month cannot be '13'/],
    ["0 3 * * 8", /^the field day of week cannot be '8'/],
    ["0 3 * * jan", /^the field day of week cannot be 'jan'/],
    ["0 3 * * sunday", /^the field day of week has 'sunday': write .*names as jan and mon/],
    ["0 3 * * sunmon", /^the field day of week has 'sunmon'/],
    ["0 3 L * *", /^the field day of month has 'L': write/],
    ["0 3 * * 5L", /^the field day of week has '5L'/],
    ["0 3 * * mon#2", /^the field day of week has 'mon#2'/],
    ["1,,2 3 * * *", /^the field minute has ''/],
    ["*/0 3 * * *", /^the field minute cannot be/],
    ["*/90 * * * *", /^the field minute has '\*\/90': .* n up to 59/],
    ["0 0-12/24 * * *", /^the field hour has '0-12\/24'/],
    ["0-9999999 3 * * *", /^the field minute has '0-9999999'/],
    ["@daily", /needs five fields/],
    ["0 0 31 2,4 *", /^no month has such a day/],
    [`0 0 * * ${"1,".repeat(100)}1`, /must not be longer/],
  ] as const) {
    it(`'${text.slice(0, 30)}'`, () => assert.match(faultOf(text), fault));
  }
});

test("29 February is a day", () => assert.deepEqual([...parsed("0 0 29 2 *").daysOfMonth], [29]));

test("two expressions meet where one minute is meant by both", () => {
  const meet = (one: string, other: string): boolean => doMeet(parsed(one), parsed(other));
  assert.equal(meet("0 22 * * *", "0 22 * * 6"), true);
  assert.equal(meet("0 22 * * 1-5", "0 22 * * 6,0"), false);
  assert.equal(meet("*/15 * * * *", "30 6 1 * *"), true);
  assert.equal(meet("*/15 * * * *", "20 6 1 * *"), false);
  assert.equal(meet("0 0 30,31 * *", "0 0 * 2 *"), false, "no February has these days");
});

test("whatever stands there is judged in little time", () => {
  const texts = ["*/20 22-23,6 1 jan,jul mon-fri", "0 3 * * 5", "59 23 31 12 7"].map((text) => Buffer.from(text));
  const random = fuzzRandom(0x63726f6e);
  for (let round = 0; round < fuzzRounds(500); round++) {
    const found = parseCron(mutate(texts[round % texts.length]!, random).toString("latin1"));
    if ("fault" in found) {
      assert.ok(found.fault.length > 0);
      continue;
    }
    assert.ok(found.minutes.length > 0 && found.minutes.every((minute) => minute >= 0 && minute < 60));
    assert.ok(found.hours.length > 0 && found.hours.every((hour) => hour >= 0 && hour < 24));
    assert.ok([...found.months].every((month) => month >= 1 && month <= 12));
  }
});

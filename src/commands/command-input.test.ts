import assert from "node:assert/strict";
import { test } from "node:test";
import {
  booleanField,
  cameraField,
  optionalCamera,
  optionalCount,
  optionalTime,
  rangeFields,
  readFields,
  textField,
  timeField,
} from "./command-input.ts";

function faultOf(read: () => unknown): string {
  try {
    return `nothing: ${JSON.stringify(read())}`;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "invalid");
    return (error as Error).message;
  }
}

test("fields, and none that nobody knows", () => {
  assert.deepEqual(readFields({ cam: 1 }, ["cam", "to"]), { cam: 1 });
  assert.deepEqual([readFields(undefined, ["cam"]), readFields(null, [])], [{}, {}]);
  assert.equal(
    faultOf(() => readFields({ cam: 1, form: 2 }, ["cam", "from"])),
    "form: is no field here: there are cam, from",
  );
  assert.equal(
    faultOf(() => readFields({ x: 1 }, [])),
    "x: there are no fields here",
  );
  assert.equal(
    faultOf(() => readFields(JSON.parse('{"__proto__":{"cam":"gate"}}'), ["cam"])),
    "__proto__: is no field here: there are cam",
  );
  for (const input of ["gate", 3, [], true])
    assert.equal(
      faultOf(() => readFields(input, ["cam"])),
      "has to be an object of fields",
    );
});

test("names of cameras: no way out of a folder in any of them", () => {
  assert.equal(cameraField("site/gate"), "site/gate");
  for (const value of ["..", "a/../../b", "/etc", "a\\b", "a\0b", "%2e%2e", "", 3, null, undefined])
    assert.match(
      faultOf(() => cameraField(value)),
      /^cam: (?:is no name of a path|has to be the name of a path)/,
    );
  assert.equal(optionalCamera(null), undefined);
});

test("times: milliseconds, or words with any offset", () => {
  assert.equal(timeField("from", 1_795_000_000_000), 1_795_000_000_000_000);
  assert.equal(timeField("from", "2026-03-01T14:05:09+01:00"), Date.UTC(2026, 2, 1, 13, 5, 9) * 1000);
  assert.equal(optionalTime("until", undefined), undefined);
  for (const value of ["yesterday", -1, Number.NaN, 1e300, {}, true])
    assert.match(
      faultOf(() => timeField("from", value)),
      /^from: has to be a time/,
    );
});

test("ranges go forward", () => {
  assert.deepEqual(rangeFields(1, 2), { fromUtcUs: 1000, toUtcUs: 2000 });
  assert.equal(
    faultOf(() => rangeFields(2, 2)),
    "to: has to be later than from",
  );
});

test("text, counts, and what is true", () => {
  assert.equal(textField("reason", "theft", 10), "theft");
  assert.equal(
    faultOf(() => textField("reason", "x".repeat(11), 10)),
    "reason: is longer than 10 characters",
  );
  assert.equal(
    faultOf(() => textField("reason", 7, 10)),
    "reason: has to be text",
  );
  assert.equal(optionalCount("max", 5, 10), 5);
  for (const value of [0, 11, 1.5, "5"])
    assert.equal(
      faultOf(() => optionalCount("max", value, 10)),
      "max: has to be a number from 1 to 10",
    );
  assert.equal(booleanField("on", false), false);
  assert.equal(
    faultOf(() => booleanField("on", "yes")),
    "on: has to be true or false",
  );
});

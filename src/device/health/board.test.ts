import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseTemperature, parseThrottled, processorZone } from "./board.ts";

test("what a Raspberry Pi says of its power and heat", () => {
  assert.deepEqual(parseThrottled("50005\n"), { now: ["uv", "thr"], ever: ["uv", "thr"] });
  assert.deepEqual(parseThrottled("0x8000a\n"), { now: ["cap", "tmp"], ever: ["tmp"] });
  assert.deepEqual(parseThrottled("0\n"), { now: [], ever: [] });
  assert.deepEqual(parseThrottled("f000f\n"), { now: ["uv", "cap", "thr", "tmp"], ever: ["uv", "cap", "thr", "tmp"] });
  for (const text of ["", "throttled=0x0", "123456789\n"]) assert.equal(parseThrottled(text), undefined);
});

test("temperatures that a board may have", () => {
  assert.equal(parseTemperature("61237\n"), 61.237);
  assert.equal(parseTemperature("-5000\n"), -5);
  for (const text of ["", "hot\n", "900000\n", "-273000\n"]) assert.equal(parseTemperature(text), undefined);
});

test("the processor's zone", () => {
  assert.equal(processorZone(["acpitz", "iwlwifi_1", "x86_pkg_temp"]), 2);
  assert.equal(processorZone(["cpu-thermal"]), 0);
  assert.equal(processorZone(["acpitz", "iwlwifi_1"]), 0);
});

test("whatever the files hold is a number or nothing", () => {
  const random = fuzzRandom(74);
  const seeds = ["50005\n", "61237\n"].map((text) => Buffer.from(text));
  for (let round = fuzzRounds(1000); round > 0; round--) {
    const text = mutate(seeds[random(seeds.length)]!, random).toString("latin1");
    const celsius = parseTemperature(text);
    if (celsius !== undefined) assert.ok(celsius >= -60 && celsius <= 200);
    assert.ok((parseThrottled(text)?.now.length ?? 0) <= 4);
  }
});

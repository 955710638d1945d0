import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseStrictJson } from "./strict-json.ts";

const faultOf = (text: string, depth?: number): string => {
  const parsed = parseStrictJson(text, depth);
  return "fault" in parsed ? parsed.fault : `no fault: ${JSON.stringify(parsed.value)}`;
};

test("JSON is JSON", () => {
  for (const value of [null, true, -1.5e3, 'a"\\{}[]:,é', [], {}, { a: { a: [{ a: 1 }, { a: 2 }] }, "b:": ":", " c": "{" }])
    assert.deepEqual(parseStrictJson(JSON.stringify(value, undefined, 2)), { value });
});

test("what is not JSON is refused", () => {
  for (const text of ["", "{", "]", '{"a":1}}', "{a:1}", '"', '"\\', '{"a" 1}', '{"\\u12":1}', "NaN", "1 2", "\u0000"])
    assert.equal(faultOf(text), "it is not JSON", text);
});

test("a key that stands twice is refused, however it is spelled", () => {
  assert.equal(faultOf('{"op":"ping","a":{"op":1},"op":"sys.reboot"}'), "the key op stands twice");
  assert.equal(faultOf('{"op":1, "\\u006fp" : 2}'), "the key op stands twice");
  assert.equal(faultOf('[{"a":1},{"a":2}]'), 'no fault: [{"a":1},{"a":2}]');
  assert.equal(faultOf('{"a":["a","a"],"b":"a"}'), 'no fault: {"a":["a","a"],"b":"a"}');
});

test("no key reaches a prototype", () => {
  assert.equal(faultOf('{"__proto__":{"admin":true}}'), "the key __proto__ is not allowed");
  assert.equal(faultOf('{"a":[{"\\u005f_proto__":1}]}'), "the key __proto__ is not allowed");
});

test("depth is bounded", () => {
  assert.equal(faultOf("[".repeat(32) + "]".repeat(32)).startsWith("no fault"), true);
  assert.equal(faultOf("[".repeat(33) + "]".repeat(33)), "it is nested deeper than 32");
  assert.equal(faultOf('{"a":'.repeat(1e5)), "it is nested deeper than 32");
  assert.equal(faultOf("[[]]", 1), "it is nested deeper than 1");
});

test("damage never throws", () => {
  const random = fuzzRandom(0x6a736f6e);
  const seed = Buffer.from('{"v":1,"id":"01J","args":{"cam":"gate","list":[1,"\\u00e9",null]},"exp":1795360060000}');
  for (let round = fuzzRounds(2000); round > 0; round--) parseStrictJson(mutate(seed, random).toString("utf8"));
});

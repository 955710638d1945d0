import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileGoRegexp, type PathPattern } from "./go-regexp.ts";

function pattern(source: string): PathPattern {
  const compiled = compileGoRegexp(source);
  assert.ok(!("fault" in compiled), `${source}: ${JSON.stringify(compiled)}`);
  return compiled;
}

describe("Go regular expressions", () => {
  const names = [
    "",
    "cam",
    "cam1",
    "cam12",
    "camera/1/main",
    "a-b_c.d",
    "door-7",
    "DOOR-7",
    "aaa",
    "aab",
    "x/y/z",
    "live.stream",
    "test2",
    "prefix1",
  ];
  const likeJavaScript = [
    "^cam(\\d+)$",
    "^.*$",
    "^(test1|test2)$",
    "^prefix",
    "(a|ab)(c|bcd)?",
    "^(.+)/(.+)/(.+)$",
    "^(.+?)/(.*)$",
    "[^a-c/]+",
    "a{2}",
    "a{2,}",
    "a{1,2}b",
    "^(?:cam|door)[-]?(\\w*)$",
    "\\bcam",
    "x|y|z",
    "(a*)*b",
    "(a+)+$",
    "(x?)(y*)z",
    "[\\w.-]+",
    "\\.",
    "a{,2}",
    "(a|b)*?c",
    "([a-z]+)[0-9]*",
    "",
  ];
  for (const source of likeJavaScript) {
    it(`matches ${source} as JavaScript does`, () => {
      const compiled = pattern(source);
      for (const name of names) {
        const expected = new RegExp(source).exec(name);
        const found = compiled.exec(name);
        assert.deepEqual(found === null ? null : found[0], expected === null ? null : expected[0], name);
        if (expected !== null && !source.includes("*)*")) {
          assert.deepEqual(
            found,
            Array.from(expected, (group) => group ?? ""),
            name,
          );
        }
      }
    });
  }

  const onlyGo: readonly (readonly [string, string, readonly string[] | null])[] = [
    ["(?i)^CAM(\\d)$", "cam1", ["cam1", "1"]],
    ["^a(?i:B)c$", "abc", ["abc"]],
    ["^a(?i:B)c$", "abC", null],
    ["^(?P<name>[a-z]+)(?<n>\\d)$", "cam1", ["cam1", "cam", "1"]],
    ["\\Aca\\x6d\\z", "cam", ["cam"]],
    ["^[[:alpha:]]+[[:^alpha:]]$", "cam1", ["cam1"]],
    ["^\\pL+\\p{Nd}$", "cam1", ["cam1"]],
    ["^\\Qa.b\\E+$", "a.bbb", ["a.bbb"]],
    ["^\\Qa.b\\E$", "axb", null],
    ["(?U)a+", "aaa", ["a"]],
    ["(?U)a+?", "aaa", ["aaa"]],
    ["[]a]+", "a]", ["a]"]],
    ["[a\\-z]+", "-", ["-"]],
    ["(?s).", "\n", ["\n"]],
    [".", "\n", null],
    ["(?m)^b$", "a\nb", ["b"]],
    ["^[^[:digit:]]$", "7", null],
    ["(?i)[^a]", "A", null],
  ];
  for (const [source, text, expected] of onlyGo) {
    it(`knows ${source}`, () => assert.deepEqual(pattern(source).exec(text), expected));
  }

  const refused = [
    "(",
    ")",
    "a)",
    "[",
    "[a",
    "[z-a]",
    "*a",
    "a**",
    "a{2,1}",
    "a{1001}",
    "(?=a)",
    "(?!a)",
    "(?<=a)b",
    "(a)\\1",
    "\\h",
    "\\",
    "(?z)",
    "\\p{Greek}",
    "[[:foo:]]",
    "\\x{110000}",
  ];
  for (const source of refused) {
    it(`refuses ${source}`, () => assert.ok("fault" in compileGoRegexp(source)));
  }

  it("bounds length, nesting and written-out repeats", () => {
    assert.ok("fault" in compileGoRegexp("a".repeat(2001)));
    assert.ok("fault" in compileGoRegexp(`${"(".repeat(100)}a${")".repeat(100)}`));
    assert.ok("fault" in compileGoRegexp("((a{100}){100}){100}"));
  });

  it("visits each instruction at most once per character where backtracking would never end", () => {
    const name = "a".repeat(200);
    for (const source of ["^(a+)+$b", "^(a|a)*b", "^(a|aa)+b$", "^(.*)(.*)(.*)(.*)(.*)(.*)b$"]) {
      assert.equal(pattern(source).exec(name), null);
    }
  });
});

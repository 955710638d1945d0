import assert from "node:assert/strict";
import { test } from "node:test";
import { pathNameFault } from "./path-name.ts";

test("names of paths", () => {
  for (const name of ["cam", "site/gate", "a.b-c_d/1", "...", "a..b", "x".repeat(255)]) assert.equal(pathNameFault(name), undefined, name);
  const wrong = ["", "/a", "a/", "..", "a/../b", "a/./b", "a b", "a\\b", "a\0b", "a%2fb", "ä", "．．", "a\nb", "x".repeat(256)];
  for (const name of wrong)
    assert.match(pathNameFault(name) ?? "it is one", /^a path name can(?:not)? /, JSON.stringify(name.slice(0, 20)));
});

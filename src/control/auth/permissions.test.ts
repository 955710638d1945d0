import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CompileExpression, type PermissionRule, Permissions, parsePermissionClaim } from "./permissions.ts";

const compile: CompileExpression = (source) => {
  if (source === "(") return undefined;
  const expression = new RegExp(source);
  return (path) => expression.test(path);
};

function allows(rule: PermissionRule, action: string, path: string): boolean {
  return new Permissions([rule], compile).allow({ action, path });
}

describe("Permissions", () => {
  it("knows every path, one path, and expressions that are not anchored", () => {
    assert.equal(allows({ action: "read", path: "" }, "read", "any/thing"), true);
    assert.equal(allows({ action: "read", path: "gate" }, "read", "gate"), true);
    assert.equal(allows({ action: "read", path: "gate" }, "read", "gate2"), false);
    assert.equal(allows({ action: "read", path: "~cam" }, "read", "mycam7"), true);
    assert.equal(allows({ action: "read", path: "~^cam\\d$" }, "read", "mycam7"), false);
  });

  it("asks for the path of publish, read and playback only", () => {
    for (const action of ["publish", "read", "playback"]) assert.equal(allows({ action, path: "gate" }, action, "yard"), false, action);
    for (const action of ["api", "metrics", "pprof"]) assert.equal(allows({ action, path: "gate" }, action, ""), true, action);
    assert.equal(allows({ action: "read", path: "" }, "publish", "gate"), false);
  });

  it("an expression that cannot be used matches nothing", () => {
    assert.equal(allows({ action: "read", path: "~(" }, "read", "("), false);
  });

  it("compiles an expression when it is first needed, and once", () => {
    const compiled: string[] = [];
    const rules = ["~a", "~b"].map((path) => ({ action: "read", path }));
    const permissions = new Permissions(rules, (source) => {
      compiled.push(source);
      return (path) => path === source;
    });
    for (const path of ["a", "a", "b", "b"]) assert.equal(permissions.allow({ action: "read", path }), true);
    assert.deepEqual(compiled, ["a", "b"]);
  });
});

describe("parsePermissionClaim", () => {
  it("takes an array, or the text of one", () => {
    const rules = [
      { action: "publish", path: "" },
      { action: "read", path: "~^cam" },
    ];
    assert.deepEqual(parsePermissionClaim(rules), rules);
    assert.deepEqual(parsePermissionClaim(JSON.stringify(rules)), rules);
    assert.deepEqual(parsePermissionClaim([{ action: "api" }, { action: "read", path: null }]), [
      { action: "api", path: "" },
      { action: "read", path: "" },
    ]);
    assert.deepEqual(parsePermissionClaim([]), []);
  });

  it("takes nothing else", () => {
    const claims: readonly unknown[] = [
      undefined,
      null,
      1,
      {},
      "",
      "x",
      "{}",
      "null",
      [null],
      ["read"],
      [[]],
      [{}],
      [{ action: "everything" }],
      [{ action: "read", paths: "all" }],
      [{ action: "read", path: 1 }],
      [{ action: ["read"] }],
      [{ action: "read" }, { action: "toString" }],
      '[{"action":"read","__proto__":{}}]',
      Array.from({ length: 1001 }, () => ({ action: "read" })),
      JSON.stringify(Array.from({ length: 5000 }, () => ({ action: "read" }))),
    ];
    for (const claim of claims) assert.equal(parsePermissionClaim(claim), undefined, JSON.stringify(claim)?.slice(0, 60));
  });
});

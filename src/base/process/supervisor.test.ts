// Who would start us again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isSupervised } from "./supervisor.ts";

test("systemd, an init and a container start again; a shell does not", () => {
  assert.equal(isSupervised({ INVOCATION_ID: "0f3c" }, 1, "systemd"), true);
  assert.equal(isSupervised({ INVOCATION_ID: "0f3c" }, 812, "systemd"), true);
  assert.equal(isSupervised({}, 1, "procd"), true);
  assert.equal(isSupervised({}, 1, ""), true);
  assert.equal(isSupervised({}, 0, "node"), true);
  assert.equal(isSupervised({ INVOCATION_ID: "" }, 812, "systemd"), false);
});

test("who was left behind by a shell is a child of systemd, and none of its units", () => {
  assert.equal(isSupervised({}, 1, "systemd"), false);
});

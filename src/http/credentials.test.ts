// What an Authorization header says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { httpCredentials } from "./credentials.ts";

const basic = (text: string): string => Buffer.from(text).toString("base64");

test("Basic: user and password, whatever is in them", () => {
  assert.deepEqual(httpCredentials(`Basic ${basic("ann:secret")}`), { kind: "basic", user: "ann", pass: "secret" });
  assert.deepEqual(httpCredentials(`basic   ${basic("ann:a:b:c")} `), { kind: "basic", user: "ann", pass: "a:b:c" });
  assert.deepEqual(httpCredentials(`BASIC ${basic("jürgen:ß")}`), { kind: "basic", user: "jürgen", pass: "ß" });
  assert.deepEqual(httpCredentials(`Basic ${basic(":")}`), { kind: "basic", user: "", pass: "" });
});

test("Bearer: a token, or user and password with one colon between them", () => {
  assert.deepEqual(httpCredentials("Bearer ann:secret"), { kind: "basic", user: "ann", pass: "secret" });
  assert.deepEqual(httpCredentials("Bearer abc.def.ghi"), { kind: "token", token: "abc.def.ghi" });
  assert.deepEqual(httpCredentials("bearer a:b:c"), { kind: "token", token: "a:b:c" });
});

test("what cannot be understood is none", () => {
  for (const header of [
    undefined,
    "",
    "Basic",
    "Basic ",
    "Bearer",
    `Basic ${basic("no colon")}`,
    "Digest username=x",
    "Basic !!!!",
    "basically x",
  ]) {
    assert.deepEqual(httpCredentials(header), { kind: "none" }, header);
  }
});

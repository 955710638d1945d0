import assert from "node:assert/strict";
import { test } from "node:test";
import { helpText, parseArguments } from "./options.ts";

const parse = (...words: string[]) => parseArguments(words, ["check", "noc"]);

test("without arguments, or with a config file, the gateway runs", () => {
  assert.deepEqual(parse(), { kind: "run", configFile: undefined });
  assert.deepEqual(parse("/etc/mediamtx.yml"), { kind: "run", configFile: "/etc/mediamtx.yml" });
});

test("MediaMTX's flags", () => {
  for (const kind of ["help", "version", "check-version", "upgrade"]) assert.deepEqual(parse(`--${kind}`), { kind });
  assert.deepEqual(parse("-h"), { kind: "help" });
  assert.deepEqual(parse("mediamtx.yml", "--version"), { kind: "version" });
});

test("a sub-command has all further words to itself", () => {
  assert.deepEqual(parse("noc", "--help", "x"), { kind: "command", name: "noc", words: ["--help", "x"] });
  assert.deepEqual(parse("check"), { kind: "command", name: "check", words: [] });
});

test("a config file may have the name of a sub-command or of a flag", () => {
  assert.deepEqual(parse("./check"), { kind: "run", configFile: "./check" });
  assert.deepEqual(parse("--", "check"), { kind: "run", configFile: "check" });
  assert.deepEqual(parse("--", "--version"), { kind: "run", configFile: "--version" });
});

test("what is not understood is named", () => {
  assert.deepEqual(parse("--verson"), { kind: "wrong", text: "unknown flag --verson" });
  assert.deepEqual(parse("--constructor"), { kind: "wrong", text: "unknown flag --constructor" });
  assert.deepEqual(parse("--version", "--verson"), { kind: "wrong", text: "unknown flag --verson" });
  assert.deepEqual(parse("a.yml", "b.yml"), { kind: "wrong", text: "unexpected argument b.yml" });
});

test("the help names every flag and command", () => {
  const text = helpText("1.2.3", new Map([["check", "check a config file"]]));
  for (const word of ["1.2.3", "--help", "--version", "--check-version", "--upgrade", "check a config file"])
    assert.ok(text.includes(word), word);
});

// Arguments as words and as JSON; slips are named before anything is sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isPrivileged, parseCommandArguments } from "./command-arguments.ts";

test("words, values of JSON, and one object", () => {
  assert.deepEqual(parseCommandArguments("rec.set", ["cam=site/gate", "on=true"]), { cam: "site/gate", on: true });
  assert.deepEqual(parseCommandArguments("rec.lock", ["cam=gate", "from=1", "to=2026-03-01T14:05:09Z", "reason=a=b c"]), {
    ...{ cam: "gate", from: 1, to: "2026-03-01T14:05:09Z", reason: "a=b c" },
  });
  assert.deepEqual(parseCommandArguments("cam.snapshot", ['{"cam":"gate","max_w":640}']), { cam: "gate", max_w: 640 });
  assert.deepEqual(parseCommandArguments("ping", []), {});
});

test("what is wrong is named", () => {
  for (const [op, words, fault] of [
    ["sys.exec", [], /there is no operation 'sys.exec': camgate noc send --help/],
    ["ping", ["cam=gate"], /^cam: is no argument of ping: it has none/],
    ["rec.set", ["cam=gate", "onn=true"], /^onn: is no argument of rec.set: it has cam, on/],
    ["rec.set", ["cam=gate"], /^on: has to be given. rec.set \{cam, on\}; on: Record it/],
    ["rec.set", ["cam=gate", "on=yes"], /^on: has to be true or false/],
    ["rec.set", ["cam=5", "on=true"], /^cam: has to be text/],
    ["cam.snapshot", ["cam=gate", "max_w=1.5"], /^max_w: has to be a whole number/],
    ["cam.snapshot", ["cam=gate", "dest=x"], /^dest: has to be an object, as JSON/],
    ["cam.snapshot", ["cam=gate", "fmt=png"], /^fmt: has to be one of jpg, mp4/],
    ["cam.restart", ["gate"], /'gate': arguments are written as cam=gate/],
    ["cam.restart", ["cam=a", "cam=b"], /^cam: stands twice/],
    ["cam.restart", ['{"cam":"a"', "x"], /not both/],
    ["cam.restart", ['{"cam":"a","cam":"b"}'], /stands twice/],
  ] as const)
    assert.throws(() => parseCommandArguments(op, words), { name: "CallerFault", message: fault });
});

test("who has to sign", () => {
  assert.equal(isPrivileged("ping", {}), false);
  assert.equal(isPrivileged("sys.reboot", {}), true);
  assert.equal(isPrivileged("cam.snapshot", { cam: "gate" }), false);
  assert.equal(isPrivileged("cam.snapshot", { cam: "gate", dest: {} }), true);
});

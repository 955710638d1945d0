import assert from "node:assert/strict";
import { test } from "node:test";
import { collectedLog } from "#testing/collected-log.ts";
import { LogTap } from "./log-tap.ts";

const texts = (tap: LogTap): string[] => tap.recent.map(({ level, text }) => `${level} ${text}`);

test("what is logged goes below as it was, and is kept from info on, prefixes and all", () => {
  const below = collectedLog();
  const tap = new LogTap(below);
  tap.log.info("one");
  tap.log.child("RTSP").child("cam").warn("two\nrtsp://user:pass@host/");
  tap.log.debug("three");
  tap.log.error("four");
  assert.deepEqual(texts(tap), ["info one", "warn [RTSP] [cam] two\\nrtsp://user:***@host/", "error four"]);
  assert.equal(below.lines.length, 4);
});

test("whoever listens gets their level, until they have enough", () => {
  const tap = new LogTap(collectedLog());
  const [all, some]: [string[], string[]] = [[], []];
  const stop = tap.listen("debug", ({ text }) => all.push(text));
  tap.listen("warn", ({ text }) => some.push(text));
  tap.log.debug("a");
  tap.log.warn("b");
  stop();
  tap.log.error("c");
  assert.deepEqual(
    [all, some],
    [
      ["a", "b"],
      ["b", "c"],
    ],
  );
});

test("what is kept is bounded, and the last line is in it", () => {
  const tap = new LogTap(collectedLog());
  for (let i = 0; i < 5000; i++) tap.log.info(`${i} ${"x".repeat(500)}`);
  const length = tap.recent.reduce((sum, { text }) => sum + text.length, 0);
  assert.ok(length > 150_000 && length < 262_144, String(length));
  assert.match(tap.recent.at(-1)!.text, /^4999 /);
});

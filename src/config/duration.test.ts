import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDuration, writeDuration } from "./duration.ts";

describe("durations", () => {
  const canonical: readonly (readonly [string, number, string])[] = [
    ["", 0, "0s"],
    ["0", 0, "0s"],
    ["0s", 0, "0s"],
    ["10s", 10_000, "10s"],
    ["90s", 90_000, "1m30s"],
    ["1h", 3_600_000, "1h0m0s"],
    ["1h0m0s", 3_600_000, "1h0m0s"],
    ["24h", 86_400_000, "1d"],
    ["1d2h", 93_600_000, "1d2h0m0s"],
    ["200ms", 200, "200ms"],
    ["1.5s", 1500, "1.5s"],
    [".5s", 500, "500ms"],
    ["1.5h", 5_400_000, "1h30m0s"],
    ["20us", 0.02, "20µs"],
    ["7ns", 7e-6, "7ns"],
    ["1m4ns", 60_000.000004, "1m0.000000004s"],
    ["-1d", -86_400_000, "-1d"],
    ["-3s", -3000, "-3s"],
    ["+3s", 3000, "3s"],
    ["365d", 31_536_000_000, "365d"],
  ];
  for (const [text, ms, written] of canonical) {
    it(`reads "${text}" as ${ms} ms and writes ${written}`, () => {
      assert.equal(parseDuration(text), ms);
      assert.equal(writeDuration(ms), written);
      assert.equal(parseDuration(written), ms);
    });
  }

  for (const text of [
    "10",
    "s",
    "1x",
    "1 s",
    "-",
    "d",
    "1s2",
    "1d1",
    "1h 2m",
    "99999999999h",
    "1e3s",
    `${"1s".repeat(100)}`,
    "0x10s",
    "１s",
  ]) {
    it(`refuses "${text.slice(0, 20)}"`, () => assert.equal(parseDuration(text), undefined));
  }
});

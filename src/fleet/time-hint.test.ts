// Time hints: what is none, and that nothing throws.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { signJws } from "./jws.ts";
import { openTimeHint } from "./time-hint.ts";

const noc = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");
const keys = new Map([["noc-a", noc.publicKey]]);
const GOOD = { v: 1, ts: 1_795_360_000_000, ctr: 7, aud: "acme/gw-0001" };
const sign = (value: unknown, key = noc.privateKey): Buffer => Buffer.from(signJws(JSON.stringify(value), "noc-a", key));
const open = (payload: Buffer) => openTimeHint(payload, keys, "acme/gw-0001");

test("a signed one says when it is, and which number it has", () => {
  assert.deepEqual(contractFaults("dn-time", GOOD), []);
  assert.deepEqual(open(sign(GOOD)), { kid: "noc-a", ctr: 7, utcMs: GOOD.ts });
});

test("what is none says why", () => {
  for (const [payload, fault] of [
    [Buffer.from(JSON.stringify(GOOD)), /no JWS/],
    [Buffer.alloc(0), /no JWS/],
    [sign(GOOD, stranger.privateKey), /signature does not fit/],
    [sign({ ...GOOD, v: 2 }), /^v: /],
    [sign({ ...GOOD, aud: "acme/gw-0002" }), /^aud: .*gw-0002/],
    [sign({ ...GOOD, ctr: -1 }), /^ctr: /],
    [sign({ ...GOOD, ts: 0 }), /^ts: /],
    [sign({ ...GOOD, ts: "now" }), /^ts: /],
    [sign(null), /^v: /],
    [sign({ ...GOOD, more: "x".repeat(5000) }), /too large/],
  ] as const) {
    const hint = open(payload);
    assert.match("fault" in hint ? hint.fault : "none", fault);
  }
});

test("damaged ones never throw, and none that was not signed is believed", () => {
  const good = sign(GOOD);
  const random = fuzzRandom(0x74_69_6d_65);
  for (let round = 0; round < fuzzRounds(2000); round++) {
    const damaged = mutate(good, random);
    const hint = open(damaged);
    if (!("fault" in hint)) assert.ok(damaged.equals(good));
  }
});

// Keys in headers and descriptions, in the forms that servers and clients write them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { keyAttribute, keyOfAttributes, parseKeyMgmtHeader, writeKeyMgmtHeader } from "./key-mgmt.ts";
import { newMikeyKey } from "./secure-track.ts";

const KEY = newMikeyKey([1, 0xffffffff]);

test("what is written is read back, quoted or not, in any order", () => {
  const header = writeKeyMgmtHeader("rtsps://h/cam", KEY, Date.now());
  assert.match(header, /^prot=mikey;uri="rtsps:\/\/h\/cam";data="[A-Za-z0-9+/=]+"$/);
  assert.deepEqual(parseKeyMgmtHeader(header), KEY);
  const data = /data="(.*)"/.exec(header)![1]!;
  assert.deepEqual(parseKeyMgmtHeader(` data=${data} ; Prot = MIKEY`), KEY);
  const attribute = keyAttribute(KEY, Date.now());
  assert.deepEqual(keyOfAttributes([{ name: "x", value: undefined }, attribute]), KEY);
});

test("what is no key of ours", () => {
  const header = writeKeyMgmtHeader("u", KEY, Date.now());
  for (const value of [
    undefined,
    "",
    "prot=mikey",
    header.replace("mikey", "other"),
    'prot=mikey;data="AAAA"',
    `${"x".repeat(10_000)}${header}`,
  ])
    assert.equal(parseKeyMgmtHeader(value), undefined, value?.slice(0, 40));
  for (const value of [undefined, "mikey", "mikey AAAA", "other AAAA", `mikey ${"A".repeat(100_000)}`])
    assert.equal(keyOfAttributes([{ name: "key-mgmt", value }]), undefined);
});

test("damaged headers are read or not", () => {
  const seed = Buffer.from(writeKeyMgmtHeader("rtsps://h/cam", KEY, Date.now()));
  const random = fuzzRandom(61);
  let read = 0;
  for (let round = fuzzRounds(2000); round > 0; round--) {
    const text = mutate(seed, random).toString("latin1");
    if (parseKeyMgmtHeader(text) !== undefined) read++;
    keyOfAttributes([{ name: "key-mgmt", value: text }]);
  }
  assert.ok(read > 0);
});

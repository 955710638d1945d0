// Settings from files, secrets that one gateway opens, differences, and what was sent before.
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { openSecrets, parseDesired } from "#fleet/desired-document.ts";
import { CONFIG_SEAL_INFO, openSecret } from "#fleet/sealed-secret.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { nextVersion, parseReport } from "./desired-call.ts";
import { diffLines, hasSecrets, parseDraft, SentConfigs, sealingKeyOf, sealSecrets } from "./desired-draft.ts";
import { MemoryFs } from "./memory-fs.ts";

test("a secret is sealed for its field", () => {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  const doc = parseDraft("logLevel: debug\npaths: {gate: {source: {$seal: 'rtsp://u:p@cam/'}}}", "x.yml");
  assert.ok(hasSecrets(doc));
  const key = sealingKeyOf(createPublicKey(publicKey.export({ type: "spki", format: "pem" })).export({ format: "jwk" }).x!);
  const sealed = sealSecrets(doc, key);
  assert.ok(!hasSecrets(sealed) && !JSON.stringify(sealed).includes("u:p"));
  const opened = openSecrets(sealed, (text, aad) => openSecret(text, privateKey, { info: CONFIG_SEAL_INFO, aad }));
  assert.deepEqual(opened, { doc: { logLevel: "debug", paths: { gate: { source: "rtsp://u:p@cam/" } } } });
});

test("what cannot be sent is refused by name", () => {
  const key = generateKeyPairSync("x25519").publicKey;
  assert.throws(() => parseDraft("- a", "x.yml"), /^CallerFault: x.yml: has to hold settings/);
  assert.throws(() => parseDraft("a: [", "x.yml"), /^CallerFault: x.yml: /);
  assert.throws(() => sealSecrets({ paths: { gate: { source: { $seal: 5 } } } }, key), /^CallerFault: paths.gate.source: \$seal has to be/);
  assert.throws(() => sealSecrets({ a: { $seal: "x", b: 1 } }, key), /^CallerFault: a: /);
  for (const text of ["", "short", "*"]) assert.throws(() => sealingKeyOf(text), /X25519 public key/);
});

test("differences by setting; secrets are not shown", () => {
  const before = { logLevel: "info", paths: { gate: { source: { $enc: "aaaaaaaaaaaa" }, record: true } }, list: [1] };
  const after = { logLevel: "debug", paths: { gate: { source: { $seal: "secret" } } }, list: [1], api: {} };
  assert.deepEqual(diffLines(before, after), [
    "+ api: {}",
    '~ logLevel: "info" -> "debug"',
    "- paths.gate.record: true",
    "~ paths.gate.source: (secret, sealed) aaaaaaaa -> (secret, to be sealed)",
  ]);
  assert.deepEqual(diffLines(before, before), []);
});

test("versions rise above all that were seen", () => {
  const report = { ver: 3, st: "rolled_back", about: 9, err: null, bad: [9], top: 11 } as const;
  assert.equal(nextVersion({ sent: undefined, report: undefined, sealingKey: undefined }, []), 1);
  assert.equal(nextVersion({ sent: { ver: 4, doc: {}, trust: "not signed" }, report, sealingKey: undefined }, [2, 12]), 13);
});

test("what was sent is kept as the bytes that were hashed", async () => {
  const sent = new SentConfigs(new MemoryFs(), "/noc", { tenant: "acme", gatewayId: "gw-0001" });
  assert.deepEqual(await sent.versions(), []);
  await assert.rejects(sent.read(1), /version 1 was not sent from here: there are none/);
  await sent.keep(10, { b: 1, a: 2 });
  await sent.keep(9, {});
  assert.deepEqual([await sent.versions(), await sent.read(10)], [[9, 10], { a: 2, b: 1 }]);
});

test("reports that are damaged are none, and never throw", () => {
  const random = fuzzRandom(0x636667);
  const seed = Buffer.from(JSON.stringify({ v: 1, ver: 18, hash: null, st: "applied", about: 18, prev: 17, err: null, bad: [16, "x"] }));
  assert.deepEqual(parseReport(seed), { ver: 18, st: "applied", about: 18, err: null, bad: [16], top: 0 });
  for (let round = fuzzRounds(300); round > 0; round--) {
    parseReport(mutate(seed, random));
    parseDesired(mutate(seed, random));
  }
});

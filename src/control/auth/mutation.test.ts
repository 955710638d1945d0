// Everything that strangers send and authentication reads, damaged: an answer or none, never an exception, never a grant.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { addressGroup } from "#base/address-group.ts";
import { httpCredentials } from "#http/credentials.ts";
import { fuzzRandom, fuzzRounds, mutate, type Random } from "#testing/mutate.ts";
import { AddressSet } from "./address-set.ts";
import { parseArgon2 } from "./argon2.ts";
import { loginOf, tokenOf } from "./login.ts";
import { parsePermissionClaim } from "./permissions.ts";
import { readTokenKeys, type TokenKeys, verifyToken } from "./token-signature.ts";

let token: string;
let keys: TokenKeys;
let keySet: string;

before(async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  token = await new SignJWT({ sub: "anna" }).setProtectedHeader({ alg: "ES256", kid: "a" }).sign(privateKey);
  keySet = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "a" }] });
  keys = readTokenKeys(keySet);
});

function damaged(seeds: readonly string[], random: Random): string {
  return mutate(Buffer.from(seeds[random(seeds.length)]!), random).toString(random(2) === 0 ? "utf8" : "latin1");
}

test("Authorization headers", () => {
  const random = fuzzRandom(1);
  const seeds = ["Basic YW5uYTpnZWhlaW0=", "Bearer a.b-c_d.e", "Bearer anna:geheim", "bearer  x", "Basic Og==", 'Digest username="a"'];
  for (let round = 0; round < fuzzRounds(5000); round++) {
    const header = damaged(seeds, random);
    const credentials = httpCredentials(header);
    const login = loginOf({ credentials, protocol: "rtsp", query: "" });
    for (const text of [login.user, login.pass, login.token]) assert.ok(text.length <= header.length);
  }
});

test("queries", () => {
  const random = fuzzRandom(2);
  const seeds = ["user=anna&pass=p%40ss", "token=a.b.c&x=1", "jwt=%E4%B8%AD;user=a", "user=a&user=b&pass=%", "=&==&&?user=1&pass=2"];
  for (let round = 0; round < fuzzRounds(5000); round++) {
    const query = damaged(seeds, random);
    const request = { credentials: { kind: "none" }, protocol: "rtsp", query } as const;
    const { user, pass, digest } = loginOf(request);
    assert.ok(digest === undefined && `${user}${pass}${tokenOf(request)}`.length <= 3 * query.length);
  }
});

test("addresses", () => {
  const random = fuzzRandom(3);
  const set = new AddressSet(["203.0.113.99", "2001:db8:ffff::/48"]);
  const seeds = ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1%eth0", "1:2:3:4:5:6:7:8", "::"];
  for (let round = 0; round < fuzzRounds(5000); round++) {
    const address = damaged(seeds, random);
    assert.equal(typeof addressGroup(address), "string");
    assert.equal(typeof set.has(address), "boolean");
  }
});

test("permission claims and hashes", () => {
  const random = fuzzRandom(4);
  const claims = ['[{"action":"read","path":"~^cam"},{"action":"publish"}]', '[{"action":"api","path":null}]'];
  const hashes = ["$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$mnAnm6DNoW8+M5ilZX5Rlp8+skNEiic0bHgXouVXunc"];
  for (let round = 0; round < fuzzRounds(5000); round++) {
    const rules = parsePermissionClaim(damaged(claims, random));
    assert.ok(rules === undefined || rules.every(({ action, path }) => typeof action === "string" && typeof path === "string"));
    const hash = parseArgon2(damaged(hashes, random));
    assert.ok(hash === undefined || (hash.memoryKiB <= 262_144 && hash.passes <= 64 && hash.lanes <= 16));
  }
});

test("tokens: none that was touched is believed", async () => {
  const random = fuzzRandom(5);
  assert.notEqual(await verifyToken(token, keys, { issuer: "", audience: "", nowUtcMs: 0 }), "unknown-key");
  for (let round = 0; round < fuzzRounds(1500); round++) {
    const touched = damaged([token], random);
    const claims = await verifyToken(touched, keys, { issuer: "", audience: "", nowUtcMs: 0 }).catch(() => undefined);
    // The last character of the signature has bits that stand for nothing: RFC 4648 §3.5.
    const same = Buffer.from(touched.split(".")[2] ?? "", "base64url").equals(Buffer.from(token.split(".")[2]!, "base64url"));
    if (claims !== undefined && claims !== "unknown-key")
      assert.ok(same && touched.split(".").slice(0, 2).join() === token.split(".").slice(0, 2).join());
  }
});

test("key sets: readable or an error, and then no token of another key", async () => {
  const random = fuzzRandom(6);
  for (let round = 0; round < fuzzRounds(500); round++) {
    let read: TokenKeys | undefined;
    try {
      read = readTokenKeys(damaged([keySet], random));
    } catch {
      continue;
    }
    await verifyToken(token, read, { issuer: "", audience: "", nowUtcMs: 0 }).catch((error: unknown) => assert.ok(error instanceof Error));
  }
});

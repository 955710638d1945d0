// Signatures against one of Go's crypto/ed25519, and everything that a JWS may be and a command may not.
import assert from "node:assert/strict";
import { createHmac, createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { signJws, verifyJws } from "./jws.ts";

const { jws } = JSON.parse(readFileSync(new URL("testdata/sealed-and-signed.json", import.meta.url), "utf8"));
const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: jws.publicKey }, format: "jwk" });
const keys = new Map([[jws.kid as string, key]]);
const part = (value: unknown): string => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

function faultOf(compact: string): string {
  const verdict = verifyJws(compact, keys);
  assert.ok("fault" in verdict, compact);
  return verdict.fault;
}

test("takes what Go has signed", () => {
  assert.deepEqual(verifyJws(jws.compact, keys), { kid: jws.kid, payload: jws.payload });
});

test("takes what it has signed", () => {
  const own = generateKeyPairSync("ed25519");
  const compact = signJws('{"ü":1}', "k-1", own.privateKey);
  assert.deepEqual(verifyJws(compact, new Map([["k-1", own.publicKey]])), { kid: "k-1", payload: '{"ü":1}' });
});

test("refuses other algorithms, whatever they carry", () => {
  const [, payload, signature] = jws.compact.split(".");
  const withHeader = (header: unknown, last = signature): string => `${part(header)}.${payload}.${last}`;
  const secret = key.export({ type: "spki", format: "der" });
  const hs256 = part({ alg: "HS256", kid: jws.kid });
  const mac = createHmac("sha256", secret).update(`${hs256}.${payload}`).digest("base64url");
  const own = generateKeyPairSync("ed25519");
  const foreign = { alg: "EdDSA", kid: jws.kid, jwk: own.publicKey.export({ format: "jwk" }) };
  const exact = /has to be alg EdDSA and kid, alone/;
  assert.match(faultOf(withHeader({ alg: "none", kid: jws.kid }, "AA")), exact);
  assert.match(faultOf(`${part({ alg: "none", kid: jws.kid })}.${payload}.`), /no base64url/);
  assert.match(faultOf(`${hs256}.${payload}.${mac}`), exact);
  assert.match(faultOf(withHeader(foreign)), exact);
  for (const more of [{ jku: "https://x" }, { x5u: "https://x" }, { crit: ["b64"], b64: false }])
    assert.match(faultOf(withHeader({ alg: "EdDSA", kid: jws.kid, ...more })), exact);
  for (const header of [null, [], '"x"', {}, { alg: "EdDSA" }, { kid: jws.kid }, { alg: "EdDSA", kid: 1 }])
    assert.match(faultOf(withHeader(header)), exact);
  assert.match(faultOf(withHeader('{"alg":"EdDSA","alg":"none","kid":"noc-2026a"}')), /stands twice/);
});

test("refuses another key, another text and another signature", () => {
  const [header, payload, signature] = jws.compact.split(".");
  assert.match(faultOf(`${part({ alg: "EdDSA", kid: "noc-2027" })}.${payload}.${signature}`), /no key of that kid/);
  assert.match(faultOf(signJws(jws.payload, jws.kid, generateKeyPairSync("ed25519").privateKey)), /does not fit/);
  assert.match(faultOf(`${header}.${part(`${jws.payload} `)}.${signature}`), /does not fit/);
  assert.match(faultOf(`${header}.${payload}.${signature}=`), /no base64url/);
  assert.match(faultOf(`${header}.${payload}`), /compact form/);
  assert.match(faultOf(`${jws.compact}.x`), /compact form/);
  for (const text of ["", "..", "a.b.c", jws.payload]) faultOf(text);
});

test("damage never passes and never throws", () => {
  const random = fuzzRandom(0x6a7773);
  const seed = Buffer.from(jws.compact);
  for (let round = fuzzRounds(500); round > 0; round--) {
    const compact = mutate(seed, random).toString("latin1");
    const verdict = verifyJws(compact, keys);
    assert.ok(compact === jws.compact || "fault" in verdict, compact);
  }
});

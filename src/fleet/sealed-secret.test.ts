// Sealed secrets against those that Go's crypto/hpke made, and their own round trip.
import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openSecret, sealSecret } from "./sealed-secret.ts";

const { hpke } = JSON.parse(readFileSync(new URL("testdata/sealed-and-signed.json", import.meta.url), "utf8"));
const PKCS8_PREFIX = "302e020100300506032b656e04220420"; // RFC 8410 §7
const privateKey = createPrivateKey({ key: Buffer.from(PKCS8_PREFIX + hpke.privateKey, "hex"), format: "der", type: "pkcs8" });
const { info } = hpke as { readonly info: string };

test("opens what Go has sealed", () => {
  for (const { Aad, Plain, Sealed } of hpke.sealed) assert.equal(openSecret(Sealed, privateKey, { info, aad: Aad }), Plain);
});

test("opens what it has sealed, and each seal is another", () => {
  const context = { info, aad: "paths.gate.source" };
  const publicKey = createPublicKey(privateKey);
  const [one, two] = [sealSecret("pässword", publicKey, context), sealSecret("pässword", publicKey, context)];
  assert.notEqual(one, two);
  for (const sealed of [one, two]) assert.equal(openSecret(sealed, privateKey, context), "pässword");
});

test("another key, another field and any changed bit open nothing", () => {
  const { Aad: aad, Sealed: sealed } = hpke.sealed[0];
  assert.equal(openSecret(sealed, generateKeyPairSync("x25519").privateKey, { info, aad }), undefined);
  assert.equal(openSecret(sealed, privateKey, { info, aad: "paths.yard.source" }), undefined);
  assert.equal(openSecret(sealed, privateKey, { info: "camgate/cfg/v2", aad }), undefined);
  const bytes = Buffer.from(sealed, "base64url");
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    if (bit === 255) continue; // X25519 ignores the highest bit of a key (RFC 7748 §5)
    const bent = Buffer.from(bytes);
    bent[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(openSecret(bent.toString("base64url"), privateKey, { info, aad }), undefined, `bit ${bit}`);
  }
  for (const text of ["", "x", "AAAA", Buffer.alloc(48).toString("base64url"), "*".repeat(80)])
    assert.equal(openSecret(text, privateKey, { info, aad }), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseKeyFile } from "./key-file.ts";

const KEY = { kty: "OKP", crv: "Ed25519", kid: "noc-2026a", x: "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg" };
const faultOf = (value: unknown): string => {
  const file = parseKeyFile(typeof value === "string" ? value : JSON.stringify(value));
  return "fault" in file ? file.fault : "none";
};

test("one key or two, by their names", () => {
  const file = parseKeyFile(JSON.stringify({ keys: [KEY, { ...KEY, kid: "noc-2026b" }] }));
  assert.ok("keys" in file);
  assert.deepEqual([...file.keys.keys()], ["noc-2026a", "noc-2026b"]);
  assert.equal(file.keys.get("noc-2026a")?.asymmetricKeyType, "ed25519");
});

test("what is no key file is refused, by name", () => {
  assert.match(faultOf("keys: []"), /^cannot be read: it is not JSON/);
  for (const value of [null, 1, {}, { keys: {} }]) assert.match(faultOf(value), /^has to be a JWK set/);
  assert.match(faultOf({ keys: [] }), /one or 2 keys/);
  assert.match(faultOf({ keys: [KEY, KEY, KEY] }), /one or 2 keys/);
  for (const key of [null, { ...KEY, crv: "X25519" }, { ...KEY, kty: "RSA" }, { ...KEY, x: 1 }, { ...KEY, x: "AAAA" }])
    assert.match(faultOf({ keys: [key] }), /^has no Ed25519 public key in keys\[0\]/);
  assert.match(faultOf({ keys: [{ ...KEY, d: "AAAA" }] }), /private key in keys\[0\]/);
  assert.match(faultOf({ keys: [{ ...KEY, kid: "a b" }] }), /lacks a kid in keys\[0\]/);
  assert.match(faultOf({ keys: [KEY, KEY] }), /has the kid noc-2026a twice/);
});

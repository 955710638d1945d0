import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { signJws } from "./jws.ts";
import { type DocumentTrust, openNocDocument } from "./noc-document.ts";

const noc = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");
const trustOf = (trust: DocumentTrust["trust"]): DocumentTrust => ({
  trust,
  keys: new Map([["noc-a", noc.publicKey]]),
  audience: "acme/gw-0001",
});
const signed = (document: string, key = noc.privateKey): Buffer => Buffer.from(signJws(document, "noc-a", key));
const FOR_US = JSON.stringify({ v: 1, aud: "acme/gw-0001" });

test("a document is taken signed and for this gateway, or as the broker lets it through where it is trusted", () => {
  assert.deepEqual(openNocDocument(signed(FOR_US), trustOf("signed")), { text: FOR_US });
  assert.deepEqual(openNocDocument(signed(FOR_US), trustOf("broker")), { text: FOR_US });
  assert.deepEqual(openNocDocument(Buffer.from(FOR_US), trustOf("broker")), { text: FOR_US });
});

test("an empty one says that there is none, whoever sends it", () => {
  for (const trust of ["off", "signed", "broker"] as const)
    assert.deepEqual(openNocDocument(Buffer.alloc(0), trustOf(trust)), { text: "" });
});

test("what is not to be trusted is refused with a reason", () => {
  const refusal = (payload: Buffer, trust: DocumentTrust["trust"]): string => {
    const opened = openNocDocument(payload, trustOf(trust));
    assert.ok("fault" in opened);
    return opened.fault;
  };
  assert.match(refusal(signed(FOR_US), "off"), /mqtt\.commands is off/);
  assert.match(refusal(Buffer.from(FOR_US), "signed"), /has to be signed/);
  assert.match(refusal(signed(FOR_US, stranger.privateKey), "broker"), /signature/);
  assert.match(refusal(signed(JSON.stringify({ v: 1, aud: "acme/gw-0002" })), "signed"), /aud: it is for acme\/gw-0002/);
  assert.match(refusal(signed('{"v":1}'), "signed"), /aud/);
  assert.match(refusal(signed("null"), "signed"), /aud/);
  assert.match(refusal(signed("{"), "signed"), /JSON/i);
  assert.match(refusal(Buffer.alloc(128 * 1024 + 1, 0x20), "broker"), /larger than/);
});

test("one that nobody signed who may tells what it would say, whatever that is", () => {
  for (const text of [FOR_US, "null", "\u0000"]) {
    const opened = openNocDocument(signed(text, stranger.privateKey), trustOf("signed"));
    assert.deepEqual("fault" in opened && opened.claim, text);
  }
  for (const odd of ["a..b", "a.!.b", "a.b.c"]) assert.ok("fault" in openNocDocument(Buffer.from(odd), trustOf("signed")));
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Argon2Hash, parseArgon2, verifyArgon2 } from "./argon2.ts";
import { argon2InWorker } from "./argon2-worker.ts";
import { matchesDigest, parseStoredCredential } from "./stored-credential.ts";

/** Made by argon2-cffi 25.1 (Python), which has the reference implementation inside. */
const VECTORS: readonly [password: string, encoded: string][] = [
  ["geheim", "$argon2id$v=19$m=4096,t=3,p=1$c2FsdEl0V2l0aFNhbHQ$bSf3N4zCn+nXNjsovseMAo97gKogLQkqPPFLcaA3qiE"],
  ["geheim", "$argon2i$v=19$m=1024,t=2,p=2$MTIzNDU2Nzg$/0ECcTUL/Keag8EYva2QQIw66GDZE8AT"],
  ["pässwörd €", "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$mnAnm6DNoW8+M5ilZX5Rlp8+skNEiic0bHgXouVXunc"],
];

describe("Argon2", () => {
  for (const [password, encoded] of VECTORS) {
    it(`verifies ${encoded.slice(0, 32)}`, async () => {
      const hash = parseArgon2(encoded)!;
      assert.equal(await verifyArgon2(hash, password), true);
      for (const wrong of [`${password} `, password.toUpperCase(), "", "x"]) assert.equal(await verifyArgon2(hash, wrong), false, wrong);
    });

    it(`computes the same in WebAssembly: ${encoded.slice(0, 32)}`, async () => {
      const { hash, ...costs } = parseArgon2(encoded)!;
      assert.deepEqual(Buffer.from(await argon2InWorker({ ...costs, hashBytes: hash.length, password })), hash);
    });
  }

  it("a thread that fails rejects", async () => {
    const { hash, ...costs } = parseArgon2(VECTORS[0]![1])!;
    await assert.rejects(argon2InWorker({ ...costs, memoryKiB: 0, hashBytes: hash.length, password: "x" }));
  });

  it("reads the costs", () => {
    const { variant, memoryKiB, passes, lanes, salt, hash } = parseArgon2(VECTORS[1]![1]) as Argon2Hash;
    assert.deepEqual([variant, memoryKiB, passes, lanes, salt.toString(), hash.length], ["argon2i", 1024, 2, 2, "12345678", 24]);
  });

  it("refuses other variants, versions and parameters, and costs that would hold up the gateway", () => {
    const tail = "$MTIzNDU2Nzg$/0ECcTUL/Keag8EYva2QQIw66GDZE8AT";
    const faulty = [
      "",
      "geheim",
      `$argon2d$v=19$m=1024,t=2,p=2${tail}`,
      `$argon2id$v=16$m=1024,t=2,p=2${tail}`,
      `$argon2id$m=1024,t=2,p=2${tail}`,
      `$argon2id$v=19$m=1024,t=2,p=2,keyid=AAAA${tail}`,
      `$argon2id$v=19$m=4,t=2,p=1${tail}`,
      `$argon2id$v=19$m=262145,t=2,p=1${tail}`,
      `$argon2id$v=19$m=9999999,t=2,p=1${tail}`,
      `$argon2id$v=19$m=1024,t=0,p=1${tail}`,
      `$argon2id$v=19$m=1024,t=65,p=1${tail}`,
      `$argon2id$v=19$m=1024,t=2,p=0${tail}`,
      `$argon2id$v=19$m=1024,t=2,p=17${tail}`,
      "$argon2id$v=19$m=1024,t=2,p=1$MTIz$/0ECcTUL/Keag8EYva2QQIw66GDZE8AT",
      "$argon2id$v=19$m=1024,t=2,p=1$MTIzNDU2Nzg$/0E",
      "$argon2id$v=19$m=1024,t=2,p=1$MTIzNDU2Nzg$",
      `$argon2id$v=19$m=1024,t=2,p=1$MTIzNDU2Nzg$${"A".repeat(89)}`,
    ];
    for (const encoded of faulty) assert.equal(parseArgon2(encoded), undefined, encoded);
  });
});

describe("stored credentials", () => {
  // base64(sha256(…)) by Python's hashlib.
  const cases: readonly [stored: string, right: string][] = [
    ["sha256:VVebVXiW0M4XZMR/7WRPmzX1i61iBnSvI/NW2A7QxQM=", "anna"],
    ["sha256:rdsPXngmyFfXN20b2bwzwMVEeQourJYUSoryKxKYyUA=", "geheim"],
    ["geheim", "geheim"],
  ];
  for (const [text, right] of cases) {
    it(`${text.slice(0, 16)} matches its secret and nothing else`, () => {
      const stored = parseStoredCredential(text);
      assert.ok(stored.kind === "sha256");
      assert.equal(matchesDigest(stored, right), true);
      for (const wrong of ["", "x", right.toUpperCase(), `${right}\0`, `${text}x`])
        assert.equal(matchesDigest(stored, wrong), false, wrong);
    });
  }

  it("the text of a hash is not its secret", () => {
    const stored = parseStoredCredential(cases[0]![0]);
    assert.ok(stored.kind === "sha256");
    assert.equal(matchesDigest(stored, cases[0]![0]), false);
    assert.equal(stored.plain, undefined);
  });

  it("a hash that cannot be used matches nothing, an empty one everything", () => {
    for (const text of [
      "sha256:AAAA",
      "sha256:",
      "argon2:x",
      "argon2:$argon2d$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$tRSpnrnZ812n5onlqlJmEg",
    ])
      assert.deepEqual(parseStoredCredential(text), { kind: "unusable" }, text);
    assert.equal(matchesDigest({ kind: "unusable" }, ""), false);
    assert.deepEqual(parseStoredCredential(""), { kind: "empty" });
    assert.equal(matchesDigest({ kind: "empty" }, "whatever"), true);
  });
});

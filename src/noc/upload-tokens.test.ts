import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { parseUploadPath, uploadNameFault } from "./upload-name.ts";
import { makeUploadToken, openUploadKey, readUploadToken } from "./upload-tokens.ts";

const key = randomBytes(32);
const NOW_MS = 1_800_000_000_000;

test("names: plain words, and nothing that leads anywhere else", () => {
  for (const name of ["clip.mp4", "gw-0001/case-17.mp4", "a/b/c/d", "2026-03-01_14-00.mp4"])
    assert.equal(uploadNameFault(name), undefined, name);
  const bad = [
    "",
    "/",
    "..",
    "../a",
    "a/..",
    "a/../b",
    ".begun/x",
    "a//b",
    "a/",
    "/a",
    "a\\b",
    "a b",
    "a\0",
    "ä",
    "-rf",
    "a/b/c/d/e",
    "a".repeat(101),
  ];
  for (const name of bad) assert.match(uploadNameFault(name) ?? "", /has to have/, name);
  assert.equal(parseUploadPath("/gw-0001/clip.mp4"), "gw-0001/clip.mp4");
  for (const path of ["", "gw/clip", "/", "/%2e%2e/x", "/a%2fb", "//a", `/${"a/".repeat(300)}`])
    assert.equal(parseUploadPath(path), undefined, path);
});

test("a token is for one name and for a time, and nobody else makes one", () => {
  const token = makeUploadToken(key, "gw-0001/clip.mp4", NOW_MS + 60_000);
  assert.deepEqual(readUploadToken(key, token, NOW_MS), { name: "gw-0001/clip.mp4" });
  assert.deepEqual(readUploadToken(key, token, NOW_MS + 61_000), { fault: "has run out" });
  assert.deepEqual(readUploadToken(randomBytes(32), token, NOW_MS), { fault: "was not made with this receiver's key" });
  for (const text of ["", ".", "a.b", token.slice(1), `${token}=`, token.repeat(20)])
    assert.ok("fault" in readUploadToken(key, text, NOW_MS), text);
});

test("the key is made once, and kept for its owner alone", async () => {
  const fs = new FaultFs();
  const made = await openUploadKey(fs, "/noc");
  assert.equal(made.length, 32);
  assert.ok((await openUploadKey(fs, "/noc")).equals(made));
  const file = await fs.open("/noc/receive.key", "create");
  await file.write([Buffer.alloc(7)], 0);
  await file.close();
  await assert.rejects(openUploadKey(fs, "/noc"), /does not hold 32 bytes/);
});

test("damaged tokens and paths: refused, never an error", () => {
  const random = fuzzRandom(17);
  const token = Buffer.from(makeUploadToken(key, "gw-0001/clip.mp4", NOW_MS + 60_000));
  const path = Buffer.from("/gw-0001/case-17.mp4");
  for (let round = fuzzRounds(2000); round > 0; round--) {
    const damaged = mutate(token, random);
    if (!damaged.equals(token)) assert.ok("fault" in readUploadToken(key, damaged.toString("latin1"), NOW_MS));
    const name = parseUploadPath(mutate(path, random).toString("latin1"));
    assert.ok(name === undefined || /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(name), name);
    assert.ok(name === undefined || !/(^|\/)\./.test(name), name);
  }
});

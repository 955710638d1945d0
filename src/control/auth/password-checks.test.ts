import assert from "node:assert/strict";
import { test } from "node:test";
import { type CheckResult, PasswordChecks } from "./password-checks.ts";
import { parseStoredCredential, type StoredCredential } from "./stored-credential.ts";

const hashed = (salt: string): StoredCredential =>
  parseStoredCredential(
    `argon2:$argon2id$v=19$m=64,t=1,p=1$${Buffer.from(salt).toString("base64").replaceAll("=", "")}$AAAAAAAAAAAAAAAAAAAAAA`,
  );

/** Hashes that a test finishes one by one; `right` is the password of all. */
function scripted() {
  let nowMs = 0;
  const open: ((failed?: Error) => void)[] = [];
  let atOnce = 0;
  let most = 0;
  const asked: string[] = [];
  const checks = new PasswordChecks({
    nowMs: () => nowMs,
    onHash: () => (most = Math.max(most, ++atOnce)),
    verify: (_, guess) => {
      asked.push(guess);
      return new Promise((resolve, reject) =>
        open.push((failed) => {
          atOnce--;
          if (failed === undefined) resolve(guess === "right");
          else reject(failed);
        }),
      );
    },
  });
  const finishNext = async (failed?: Error): Promise<void> => {
    while (open.length === 0) await new Promise((resolve) => setImmediate(resolve));
    open.shift()!(failed);
  };
  return {
    checks,
    asked,
    finishNext,
    get most() {
      return most;
    },
    passMs(ms: number) {
      nowMs += ms;
    },
  };
}

test("hashes are computed one at a time, and the same question once", async () => {
  const site = scripted();
  const stored = hashed("saltsalt");
  const answers = Promise.all(["right", "wrong", "right", "wrong", "other"].map((guess) => site.checks.check(stored, guess)));
  for (let i = 0; i < 3; i++) await site.finishNext();
  assert.deepEqual(await answers, ["right", "wrong", "right", "wrong", "wrong"]);
  assert.deepEqual(site.asked, ["right", "wrong", "other"]);
  assert.equal(site.most, 1);
});

test("a right password is remembered for five minutes, a wrong one is not, and none for another hash", async () => {
  const site = scripted();
  const ask = async (stored: StoredCredential, guess: string): Promise<CheckResult> => {
    const before = site.asked.length;
    const answer = site.checks.check(stored, guess);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (site.asked.length > before) await site.finishNext();
    return answer;
  };
  const stored = hashed("saltsalt");
  for (const guess of ["right", "right", "wrong", "wrong"]) await ask(stored, guess);
  assert.deepEqual(site.asked, ["right", "wrong", "wrong"]);
  await ask(hashed("tlastlas"), "right");
  assert.equal(site.asked.length, 4);
  site.passMs(5 * 60_000);
  assert.equal(await ask(stored, "right"), "right");
  assert.equal(site.asked.length, 5);
});

test("the line is short, and moves on after a hash that could not be computed", async () => {
  const site = scripted();
  const stored = hashed("saltsalt");
  const waiting = Array.from({ length: 32 }, (_, i) => site.checks.check(stored, `guess ${i}`));
  assert.equal(await site.checks.check(stored, "one too many"), "busy");
  await site.finishNext(new Error("no memory"));
  for (let i = 1; i < 32; i++) await site.finishNext();
  const answers = await Promise.all(waiting);
  assert.equal(answers[0], "busy");
  assert.ok(answers.slice(1).every((answer) => answer === "wrong"));
  const after = site.checks.check(stored, "right");
  await site.finishNext();
  assert.equal(await after, "right");
});

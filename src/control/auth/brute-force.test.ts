import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AttemptLedger } from "./attempt-ledger.ts";
import { type Attempt, type Ban, DelaysAndBans, RandomDelay } from "./brute-force.ts";

const MINUTE_MS = 60_000;

function guarded() {
  let nowMs = 1000;
  const bans: Ban[] = [];
  const guard = new DelaysAndBans({ nowMs: () => nowMs, onBan: (ban) => bans.push(ban) });
  return {
    guard,
    bans,
    passMs(ms: number) {
      nowMs += ms;
    },
    /** The delay of a wrong password, or `banned`. */
    async fail(address: string, user: string): Promise<number | "banned"> {
      const attempt = await guard.begin(address, user);
      return "end" in attempt ? attempt.end("wrong") : "banned";
    },
  };
}

function isAttempt(begun: Attempt | { readonly bannedMs: number }): begun is Attempt {
  return "end" in begun;
}

describe("RandomDelay", () => {
  it("is 0 to 4 s for what was not right, and forgets", async () => {
    for (const [random, delayMs] of [
      [0, 0],
      [0.5, 2000],
      [0.999_999, 3999],
    ] as const) {
      const guard = new RandomDelay({ nowMs: () => 0, random: () => random });
      for (let i = 0; i < 100; i++) assert.equal((await guard.begin("192.0.2.1")).end("wrong"), delayMs);
      assert.equal((await guard.begin("192.0.2.1")).end("neither"), delayMs);
      assert.equal((await guard.begin("192.0.2.1")).end("right"), 0);
    }
  });

  it("one address has sixteen attempts under way, and keeps nobody else waiting", async () => {
    const guard = new RandomDelay({ nowMs: () => 0 });
    const underWay: Attempt[] = [];
    const all = Array.from({ length: 20 }, async () => underWay.push(await guard.begin("192.0.2.1")));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(underWay.length, 16);
    await guard.begin("192.0.2.2");
    for (const attempt of underWay.slice(0, 4)) attempt.end("wrong");
    await Promise.all(all);
    assert.equal(underWay.length, 20);
  });
});

describe("DelaysAndBans", () => {
  it("doubles the delay up to a minute, then bans for ten", async () => {
    const site = guarded();
    const delays: (number | "banned")[] = [];
    for (let i = 0; i < 12; i++) delays.push(await site.fail("192.0.2.1", "anna"));
    assert.deepEqual(delays, [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, "banned", "banned"]);
    assert.deepEqual(site.bans, [{ address: "192.0.2.1", user: "anna", durationMs: 10 * MINUTE_MS }]);
    site.passMs(4 * MINUTE_MS);
    assert.deepEqual(await site.guard.begin("192.0.2.1", "anna"), { bannedMs: 6 * MINUTE_MS });
    site.passMs(6 * MINUTE_MS);
    assert.equal(await site.fail("192.0.2.1", "anna"), 250);
  });

  it("other users and other addresses are unaffected", async () => {
    const site = guarded();
    for (let i = 0; i < 10; i++) await site.fail("192.0.2.1", "anna");
    assert.ok(isAttempt(await site.guard.begin("192.0.2.1", "otto")));
    assert.ok(isAttempt(await site.guard.begin("192.0.2.2", "anna")));
  });

  it("an address is banned after thirty, whatever names it tries; IPv6 by its /64", async () => {
    const site = guarded();
    let attempts = 0;
    for (let i = 0; i < 1000; i++) if ((await site.fail(`2001:db8::${(i % 200).toString(16)}`, `user ${i}`)) !== "banned") attempts++;
    assert.equal(attempts, 30);
    assert.deepEqual(site.bans, [{ address: "2001:db8:0:0::/64", user: "", durationMs: 10 * MINUTE_MS }]);
    assert.ok(isAttempt(await site.guard.begin("2001:db8:0:1::1", "user 1")));
  });

  it("a right password clears its own failures, and none of the address", async () => {
    const site = guarded();
    const results: (number | "banned")[] = [];
    for (let i = 0; i < 40; i++) {
      results.push(await site.fail("192.0.2.1", "anna"));
      const mine = await site.guard.begin("192.0.2.1", "anna");
      if (isAttempt(mine)) mine.end("right");
    }
    assert.deepEqual(results.slice(0, 30), Array(30).fill(250));
    assert.equal(results[30], "banned");
  });

  it("failures are forgotten after ten minutes without one", async () => {
    const site = guarded();
    for (let i = 0; i < 9; i++) await site.fail("192.0.2.1", "anna");
    site.passMs(10 * MINUTE_MS + 1);
    assert.equal(await site.fail("192.0.2.1", "anna"), 250);
  });

  it("what is neither right nor wrong never bans", async () => {
    const site = guarded();
    for (let i = 0; i < 100; i++) {
      const attempt = await site.guard.begin("192.0.2.1", "anna");
      assert.ok(isAttempt(attempt));
      assert.equal(attempt.end("neither"), 250);
    }
    assert.deepEqual(site.bans, []);
  });

  it("a thousand at once are no way around it: ten are under way, the others wait and find the ban", async () => {
    const site = guarded();
    const underWay: Attempt[] = [];
    let banned = 0;
    const all = Array.from({ length: 1000 }, async () => {
      const begun = await site.guard.begin("192.0.2.1", "anna");
      if (isAttempt(begun)) underWay.push(begun);
      else banned++;
    });
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([underWay.length, banned], [10, 0]);
    for (const attempt of underWay) attempt.end("wrong");
    await Promise.all(all);
    assert.deepEqual([underWay.length, banned], [10, 990]);
  });

  it("many at once with the right password all pass", async () => {
    const site = guarded();
    let passed = 0;
    await Promise.all(
      Array.from({ length: 200 }, async () => {
        const begun = await site.guard.begin("192.0.2.1", "anna");
        assert.ok(isAttempt(begun));
        await new Promise((resolve) => setImmediate(resolve));
        begun.end("right");
        passed++;
      }),
    );
    assert.equal(passed, 200);
  });
});

describe("AttemptLedger", () => {
  it("holds no more keys than it may, and forgets the one that was used longest ago", async () => {
    const ledger = new AttemptLedger({ maxFailures: 2, banMs: 1000, maxKeys: 3, nowMs: () => 0 });
    const fail = async (key: string): Promise<number> => ((await ledger.begin(key)) ? ledger.end(key, "wrong").failures : -1);
    await fail("a");
    await fail("b");
    await fail("c");
    assert.equal(await fail("a"), 2);
    await fail("d");
    assert.equal(ledger.size, 3);
    assert.equal(await fail("b"), 1, "was forgotten");
    assert.equal(await fail("a"), -1, "is still banned");
  });

  it("who waits on a key that is forgotten goes on", async () => {
    const ledger = new AttemptLedger({ maxFailures: 1, banMs: 1000, maxKeys: 1, nowMs: () => 0 });
    assert.equal(await ledger.begin("a"), true);
    const second = ledger.begin("a");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await ledger.begin("b"), true);
    assert.equal(await second, true);
  });
});

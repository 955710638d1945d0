import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, type Random } from "#testing/mutate.ts";
import { decideRetention, type RetentionRules, type RetentionState, type StoredSegment } from "./retention.ts";

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 5, 15, 12);
const TRUSTED: RetentionState = { nowUtcMs: NOW, clockTrusted: true, freeBytes: undefined };
const NO_RULES: RetentionRules = { deleteAfterMs: () => 0, maxSizeBytes: 0, minFreeBytes: 0 };

interface Named extends StoredSegment {
  readonly name: string;
}

/** `ageHours`: of its start. 10 bytes. */
function segment(name: string, ageHours: number, changes: Partial<StoredSegment> = {}): Named {
  return { name, path: name.replace(/\d+$/, ""), startUtcMs: NOW - ageHours * HOUR_MS, sizeBytes: 10, open: false, ...changes };
}

function decided(segments: readonly Named[], rules: Partial<RetentionRules>, state: Partial<RetentionState> = {}): string {
  const { deletions } = decideRetention(segments, { ...NO_RULES, ...rules }, { ...TRUSTED, ...state });
  return deletions.map(({ segment: { name }, rule }) => `${name} ${rule}`).join(", ");
}

test("without rules everything stays", () => {
  assert.equal(decided([segment("a1", 9999), segment("a2", 1)], {}, { freeBytes: 0 }), "");
  assert.equal(decided([], { maxSizeBytes: 1, minFreeBytes: 1, deleteAfterMs: () => 1 }, { freeBytes: 0 }), "");
});

test("each path has its age", () => {
  const segments = [segment("a1", 30), segment("b1", 30), segment("a2", 23), segment("c1", 500)];
  const deleteAfterMs = (path: string) => ({ a: 24, b: 48 })[path]! * HOUR_MS || 0;
  assert.equal(decided(segments, { deleteAfterMs }), "a1 age");
});

test("age counts from the end where it is known, to the millisecond", () => {
  const rules = { deleteAfterMs: () => 24 * HOUR_MS };
  assert.equal(decided([segment("a1", 24)], rules), "a1 age");
  assert.equal(decided([segment("a1", 24, { startUtcMs: NOW - 24 * HOUR_MS + 1 })], rules), "");
  assert.equal(decided([segment("a1", 25, { endUtcMs: NOW - 24 * HOUR_MS + 1 })], rules), "");
  assert.equal(decided([segment("a1", 25, { endUtcMs: NOW - 24 * HOUR_MS })], rules), "a1 age");
});

test("age takes the last of a path, but not what is written or locked", () => {
  const segments = [segment("a1", 100), segment("b1", 100, { open: true }), segment("c1", 100, { locked: true })];
  assert.equal(decided(segments, { deleteAfterMs: () => HOUR_MS }), "a1 age");
});

test("without a trusted clock nothing is old", () => {
  assert.equal(decided([segment("a1", 100)], { deleteAfterMs: () => HOUR_MS }, { clockTrusted: false }), "");
  assert.equal(
    decided([segment("a1", 100), segment("a2", 1)], { deleteAfterMs: () => HOUR_MS, maxSizeBytes: 10 }, { clockTrusted: false }),
    "a1 size",
  );
});

test("names of a wrong clock have no age", () => {
  const segments = [
    segment("a1", 0, { startUtcMs: 0 }),
    segment("a2", 0, { startUtcMs: Date.UTC(2019, 11, 31, 23, 59, 59, 999) }),
    segment("a3", 0, { startUtcMs: Date.UTC(2020, 0, 1) }),
    segment("a4", -100_000),
  ];
  assert.equal(decided(segments, { deleteAfterMs: () => HOUR_MS }), "a3 age");
});

test("the oldest go until the size fits", () => {
  const segments = [segment("a2", 3), segment("b1", 4), segment("a1", 5), segment("b2", 2), segment("a3", 1)];
  assert.equal(decided(segments, { maxSizeBytes: 50 }), "");
  assert.equal(decided(segments, { maxSizeBytes: 49 }), "a1 size");
  assert.equal(decided(segments, { maxSizeBytes: 30 }), "a1 size, b1 size");
});

test("the oldest go until enough is free", () => {
  const segments = [segment("a1", 5), segment("a2", 4), segment("a3", 3)];
  assert.equal(decided(segments, { minFreeBytes: 100 }, { freeBytes: 100 }), "");
  assert.equal(decided(segments, { minFreeBytes: 100 }, { freeBytes: 99 }), "a1 free-space");
  assert.equal(decided(segments, { minFreeBytes: 100 }, { freeBytes: 80 }), "a1 free-space, a2 free-space");
  assert.equal(decided(segments, { minFreeBytes: 100 }, { freeBytes: undefined }), "");
  assert.equal(decided(segments, { minFreeBytes: 100, maxSizeBytes: 20 }, { freeBytes: 80 }), "a1 size, a2 free-space");
});

test("age goes first, and what it frees counts", () => {
  const segments = [segment("b1", 40), segment("b2", 35), segment("a1", 30), segment("a2", 20), segment("a3", 10)];
  const deleteAfterMs = (path: string) => (path === "a" ? 24 * HOUR_MS : 0);
  assert.equal(decided(segments, { deleteAfterMs, maxSizeBytes: 40 }), "a1 age");
  assert.equal(decided(segments, { deleteAfterMs, maxSizeBytes: 30 }), "a1 age, b1 size");
  assert.equal(decided(segments, { deleteAfterMs, minFreeBytes: 20 }, { freeBytes: 5 }), "a1 age, b1 free-space");
});

test("size and free space leave the newest of each path, and say what they miss", () => {
  const segments = [segment("a1", 5), segment("a2", 4), segment("b1", 50)];
  assert.equal(decided(segments, { maxSizeBytes: 1 }), "a1 size");
  const { shortfallBytes } = decideRetention(segments, { ...NO_RULES, maxSizeBytes: 1, minFreeBytes: 100 }, { ...TRUSTED, freeBytes: 50 });
  assert.equal(shortfallBytes, 40);
  assert.equal(decideRetention(segments, { ...NO_RULES, maxSizeBytes: 20 }, TRUSTED).shortfallBytes, 0);
});

test("what is written is the newest of its path", () => {
  const segments = [segment("a1", 5, { open: true }), segment("a2", 4), segment("a3", 3)];
  assert.equal(decided(segments, { maxSizeBytes: 1 }), "a2 size, a3 size");
  assert.equal(decided([segment("a1", 5, { locked: true }), segment("a2", 4), segment("a3", 3)], { maxSizeBytes: 1 }), "a2 size");
});

test("by size, names of a wrong clock go first, or last while no clock is to be trusted", () => {
  const segments = [segment("a1", 5), segment("a2", 4), segment("a3", 0, { startUtcMs: 7000 }), segment("a4", -1000), segment("a5", -20)];
  assert.equal(decided(segments, { maxSizeBytes: 10 }), "a3 size, a4 size, a1 size, a2 size");
  assert.equal(decided(segments, { maxSizeBytes: 10 }, { clockTrusted: false }), "a1 size, a2 size, a5 size, a4 size");
});

test("the newest of a path is the newest of those that age leaves", () => {
  const segments = [segment("a1", 0, { startUtcMs: 7000 }), segment("a2", 0, { startUtcMs: 8000 }), segment("a3", 100)];
  assert.equal(decided(segments, { deleteAfterMs: () => HOUR_MS, maxSizeBytes: 5 }), "a3 age, a1 size");
});

test("empty files are not worth deleting for space", () => {
  assert.equal(decided([segment("a1", 5, { sizeBytes: 0 }), segment("a2", 4), segment("a3", 3)], { maxSizeBytes: 15 }), "a2 size");
});

function randomCase(random: Random) {
  const segments = Array.from({ length: random(40) }, (_, i) => {
    const ageHours = random(10) === 0 ? -random(5000) : random(20) === 0 ? 400_000 + random(1000) : random(200);
    const path = "abc"[i % 3]!;
    const startUtcMs = NOW - ageHours * HOUR_MS - Math.floor(i / 3); // no two of a path, some of several
    const changes = { path, startUtcMs, sizeBytes: random(100), open: random(15) === 0, locked: random(15) === 0 };
    return segment(`${i}`, ageHours, random(2) === 0 ? { ...changes, endUtcMs: startUtcMs + random(HOUR_MS) } : changes);
  });
  const ages = { a: random(150) * HOUR_MS, b: 0, c: random(3) * HOUR_MS } as Record<string, number>;
  const rules: RetentionRules = { deleteAfterMs: (path) => ages[path]!, maxSizeBytes: random(1500), minFreeBytes: random(800) };
  return { segments, rules, state: { ...TRUSTED, clockTrusted: random(3) > 0, freeBytes: random(1000) } };
}

test("whatever there is, the promises hold", () => {
  const random = fuzzRandom(17);
  for (let round = fuzzRounds(2000); round > 0; round--) {
    const { segments, rules, state } = randomCase(random);
    const { deletions, shortfallBytes } = decideRetention(segments, rules, state);
    const gone = new Set(deletions.map(({ segment: one }) => one));
    const kept = segments.filter((one) => !gone.has(one));
    assert.equal(gone.size, deletions.length);
    for (const { segment: one, rule } of deletions) {
      assert.ok(!one.open && !one.locked);
      if (rule === "age") assert.ok(state.clockTrusted && rules.deleteAfterMs(one.path) > 0 && one.startUtcMs <= NOW);
      else
        assert.ok(
          kept.some(({ path }) => path === one.path),
          "the newest of a path stays",
        );
    }
    const sizeBytes = (some: readonly StoredSegment[]) => some.reduce((sum, one) => sum + one.sizeBytes, 0);
    const excess = rules.maxSizeBytes > 0 ? sizeBytes(kept) - rules.maxSizeBytes : 0;
    const missing = rules.minFreeBytes > 0 ? rules.minFreeBytes - state.freeBytes - sizeBytes([...gone]) : 0;
    assert.equal(shortfallBytes, Math.max(0, excess, missing));
    // What was not needed is not deleted: the last one to go for space made the difference.
    const last = deletions.at(-1);
    if (last !== undefined && last.rule !== "age") assert.ok(Math.max(excess, missing) + last.segment.sizeBytes > 0);
    // The decision does not depend on the order of the list.
    assert.deepEqual(decideRetention([...segments].reverse(), rules, state), { deletions, shortfallBytes });
  }
});

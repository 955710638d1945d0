import assert from "node:assert/strict";
import { test } from "node:test";
import { REPLAY_WINDOW_SIZE, ReplayWindow } from "./replay-window.ts";

test("each counter once, in any order inside the window", () => {
  const window = new ReplayWindow();
  for (const counter of [5, 3, 9, 4, 0]) assert.equal(window.accept(counter), true);
  for (const counter of [5, 3, 9, 4, 0]) assert.equal(window.accept(counter), false);
  assert.equal(window.accept(9 + REPLAY_WINDOW_SIZE), true);
  assert.equal(window.accept(10), true); // the oldest place of the window
  assert.equal(window.accept(9), false); // behind it
});

test("no number that is no counter", () => {
  const window = new ReplayWindow();
  for (const counter of [-1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) assert.equal(window.accept(counter), false);
});

test("only what lies above all others is ahead", () => {
  const window = new ReplayWindow();
  assert.equal(window.isAhead(0), true);
  window.accept(7);
  assert.deepEqual([window.isAhead(6), window.isAhead(7), window.isAhead(8)], [false, false, true]);
});

test("behaves as a set that forgets, over random counters, and survives being kept", () => {
  let window = new ReplayWindow();
  const seen = new Set<number>();
  let [top, random] = [-1, 12345];
  for (let i = 0; i < 5000; i++) {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    const counter = Math.max(0, top + (random % 3000) - 1500 + (i % 97 === 0 ? 5000 : 0));
    const expected = counter > top || (top - counter < REPLAY_WINDOW_SIZE && !seen.has(counter));
    assert.equal(window.accept(counter), expected, `${counter} at top ${top}`);
    if (expected) seen.add(counter);
    top = Math.max(top, counter);
    if (i % 50 === 0) window = new ReplayWindow(JSON.parse(JSON.stringify(window.state)));
  }
});

test("a state that was never written is an empty one", () => {
  assert.deepEqual(new ReplayWindow().state, { top: -1, seen: "0".repeat(REPLAY_WINDOW_SIZE / 4) });
});

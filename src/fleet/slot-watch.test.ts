// A slot that the broker does not keep any more, told from one that is on its way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SlotWatch } from "./slot-watch.ts";

function setUp() {
  let [isOpen, empties] = [true, 0];
  const timers = new Set<() => void>();
  const watch = new SlotWatch({
    schedule: (run, delayMs) => {
      assert.equal(delayMs, 30_000);
      timers.add(run);
      return () => void timers.delete(run);
    },
    isOpen: () => isOpen,
    onEmpty: () => void empties++,
  });
  const pass = (): void => {
    for (const run of [...timers]) {
      timers.delete(run);
      run();
    }
  };
  return { watch, pass, timers, empties: () => empties, cut: () => (isOpen = false) };
}

test("nothing comes: the slot is empty, once a session", () => {
  const { watch, pass, empties } = setUp();
  watch.begin();
  pass();
  pass();
  assert.equal(empties(), 1);
  watch.begin();
  pass();
  assert.equal(empties(), 2);
});

test("something came, the session is over, or another one began: nothing is said", () => {
  const { watch, pass, timers, empties, cut } = setUp();
  watch.begin();
  watch.seen();
  watch.seen();
  pass();
  watch.begin();
  watch.begin();
  assert.equal(timers.size, 1);
  watch.close();
  pass();
  watch.begin();
  cut();
  pass();
  assert.equal(empties(), 0);
});

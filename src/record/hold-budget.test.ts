import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldBudget, type Holder } from "./hold-budget.ts";

/** Groups of pictures of two seconds. */
class Camera implements Holder {
  groups = 0;
  left = 0;
  readonly #groupBytes: number;

  constructor(groupBytes: number) {
    this.#groupBytes = groupBytes;
  }

  get heldUs(): number {
    return this.groups * 2e6;
  }

  get heldBytes(): number {
    return this.groups * this.#groupBytes;
  }

  leaveOut(): boolean {
    if (this.groups === 0) return false;
    this.groups--;
    this.left++;
    return true;
  }
}

test("half a minute of each camera", () => {
  const [budget, camera] = [new HoldBudget(1e9), new Camera(1000)];
  for (let i = 0; i < 40; i++) {
    camera.groups++;
    budget.grown(camera);
  }
  assert.deepEqual([camera.groups, camera.left], [15, 25]);
});

test("all together no more than there is room for: the one that has the longest gives way", () => {
  const budget = new HoldBudget(10_000);
  const [large, small] = [new Camera(1000), new Camera(100)];
  for (let i = 0; i < 100; i++) {
    for (const camera of [large, small]) {
      camera.groups++;
      budget.grown(camera);
      assert.ok(large.heldBytes + small.heldBytes <= 10_000);
    }
  }
  assert.ok(Math.abs(large.groups - small.groups) <= 1, `${large.groups} and ${small.groups} groups`);
  budget.left(small);
  large.groups += 3;
  budget.grown(large);
  assert.equal(large.groups, 10);
});

test("one group that is larger than all of it goes", () => {
  const [budget, camera] = [new HoldBudget(100), new Camera(1000)];
  camera.groups = 1;
  budget.grown(camera);
  assert.equal(camera.groups, 0);
  assert.ok(new HoldBudget() !== undefined);
});

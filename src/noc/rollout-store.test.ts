// Where rollouts are kept: one program at a time, whoever was killed.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NodeFs } from "#base/node-fs.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { newRollout } from "./rollout.ts";
import { parseRolloutPlan } from "./rollout-plan.ts";
import { RolloutStore } from "./rollout-store.ts";

test("a rollout is kept, listed, and wished of", async (t) => {
  const folder = await temporaryFolder(t);
  const fs = new NodeFs();
  const store = new RolloutStore(fs, folder, "acme", "j-1");
  assert.deepEqual([await store.load(), await store.wish(), await RolloutStore.names(fs, folder, "acme")], [undefined, undefined, []]);
  const state = newRollout(parseRolloutPlan("{job: j-1, op: upd.install, rings: [100%]}", "plan", 0), "acme", ["gw-0001"], true);
  await store.save(state);
  await store.putWish("pause");
  assert.deepEqual(await new RolloutStore(fs, folder, "acme", "j-1").load(), state);
  assert.deepEqual([await store.wish(), await RolloutStore.names(fs, folder, "acme")], ["pause", ["j-1"]]);
  await store.dropWish();
  await store.dropWish();
  assert.equal(await store.wish(), undefined);
  await writeFile(store.path, "{}");
  await assert.rejects(store.load(), /does not hold a rollout/);
});

test("one program at a time has it: one that was killed, or says nothing for a minute, has it no more", async (t) => {
  const folder = await temporaryFolder(t);
  const [one, other] = [1, 2].map(() => new RolloutStore(new NodeFs(), folder, "acme", "j-1")) as [RolloutStore, RolloutStore];
  assert.ok(await one.lock(1000));
  assert.ok(!(await other.lock(2000)));
  await one.keepLock(50_000);
  assert.ok(!(await other.lock(100_000)));
  assert.ok(await other.lock(111_000), "one that hangs");
  await assert.rejects(one.keepLock(112_000), /another program runs this job now/);
  await one.unlock();
  await other.keepLock(113_000);
  // Killed: there is no such process any more.
  const path = join(folder, "jobs", "acme", "j-1.lock");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), pid: 2 ** 22 + 1 }));
  assert.ok(await one.lock(114_000));
  await writeFile(path, "nonsense");
  assert.ok(await one.lock(114_000));
  await one.unlock();
  assert.ok(await other.lock(115_000));
});

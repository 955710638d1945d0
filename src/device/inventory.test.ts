// This machine's own inventory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readInventory } from "./inventory.ts";

test("what this machine is made of", async () => {
  const { hw, os, disks, nics } = await readInventory();
  assert.ok(hw.mem_mb > 0);
  assert.equal(os.node, process.versions.node);
  for (const text of [...Object.values(hw), ...Object.values(os)]) assert.ok(text !== "" && text !== "-");
  for (const { n, mb } of disks) assert.ok(n !== "" && mb >= 0);
  for (const { mac } of nics) assert.match(mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
});

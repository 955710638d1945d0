// Slots of images, and machines that have none.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { readImageSlot } from "./image-slot.ts";

test("the slot that was booted, and whether it is to stay", async (t) => {
  const root = await temporaryFolder(t);
  assert.equal(await readImageSlot(root), undefined);
  await mkdir(join(root, "proc"));
  await mkdir(join(root, "run/camgate"), { recursive: true });
  await writeFile(join(root, "proc/cmdline"), "console=tty1 root=/dev/mmcblk0p2 ro\n");
  assert.equal(await readImageSlot(root), undefined);
  await writeFile(join(root, "proc/cmdline"), "console=tty1 rauc.slot=B root=/dev/mmcblk0p3 ro\n");
  assert.deepEqual(await readImageSlot(root), { slot: "B", state: undefined });
  for (const [text, state] of [
    ["probation\n", "probation"],
    ["good", "good"],
    ["whatever", undefined],
  ] as const) {
    await writeFile(join(root, "run/camgate/slot-state"), text);
    assert.deepEqual(await readImageSlot(root), { slot: "B", state });
  }
});

// Power cuts and kills at random moments, with a real process on a real file system: nothing that was safe is lost, nothing of an older lap is seen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "#testing/mutate.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { type CheckedRing, checkRing } from "#testing/ring-proof/check-ring.ts";
import { LoopDisk, loopDiskMissing } from "#testing/ring-proof/loop-disk.ts";
import { RingTold, SMALL_RING, WriterProcess, writerOptions } from "#testing/ring-proof/writer-process.ts";
import { chunkPath } from "./layout.ts";

/** How often the power goes; more for a long night. */
const POWER_CUTS = Number(process.env["CAMGATE_POWER_CUTS"] ?? 8);
const KILLS = 10;
const SEED = Number(process.env["CAMGATE_FUZZ_SEED"] ?? 1);

const DISK_BYTES = 48 * 2 ** 20;
const CHUNKS = SMALL_RING.sizeBytes / SMALL_RING.chunkBytes;
/** Of a camera, before anything is late (docs/storage.md). */
const LOSS_BOUND_MS = 2000;
const CAMERAS = ["gate", "yard", "dock"];

/** What the end of the last writer cost each camera: no more than the bound and what the medium was late by. */
function assertLoss({ cameras }: CheckedRing): void {
  for (const { told, seen } of cameras) {
    const lost = told.lastTaken - seen.at(-1)!.number;
    const lateMs = told.latestMs;
    assert.ok(lost * SMALL_RING.fragmentMs <= LOSS_BOUND_MS + lateMs, `${told.path}: ${lost} fragments are lost`);
  }
}

function assertLapped({ chunks }: CheckedRing): void {
  assert.ok(chunks.at(-1)!.gen > 2 * CHUNKS);
}

test(`the power goes ${POWER_CUTS} times`, { skip: loopDiskMissing, timeout: 60_000 + 6000 * POWER_CUTS }, async (t) => {
  const disk = await LoopDisk.make(t, DISK_BYTES);
  const random = seededRandom(SEED);
  const told = new RingTold(CAMERAS, SMALL_RING.fragmentMs);
  const ring = `${disk.mountPoint}/gwr1`;
  const files = Array.from({ length: CHUNKS }, (_, chunk) => chunkPath(chunk)).concat("idx/log", "idx/ckpt.0", "idx/ckpt.1");
  let checked: CheckedRing | undefined;
  for (let boot = 1; boot <= POWER_CUTS; boot++) {
    const writer = new WriterProcess(disk, told, writerOptions(told, disk.mountPoint, { bootCounter: boot }));
    await writer.stores(100 + random(400));
    const isTorn = boot % 2 === 0;
    await disk.crash(random(2 ** 31), isTorn ? files.map((file) => `${ring}/${file}`) : []);
    await writer.kill();
    await disk.unmount();
    await disk.mount();
    checked = await checkRing(told, writerOptions(told, disk.mountPoint, { bootCounter: boot + 1 }), 1);
    assertLoss(checked);
  }
  assertLapped(checked!);
});

test(`the writer is killed ${KILLS} times`, { timeout: 110_000 }, async (t) => {
  const directory = await temporaryFolder(t);
  const random = seededRandom(SEED);
  const told = new RingTold(CAMERAS, SMALL_RING.fragmentMs);
  let checked: CheckedRing | undefined;
  for (let kill = 1; kill <= KILLS; kill++) {
    const writer = new WriterProcess(t, told, writerOptions(told, directory));
    await writer.stores(random(400));
    await writer.kill();
    // Half of the time the next writer finds what was left; else it is found, and closed, here.
    if (kill % 2 === 1) continue;
    checked = await checkRing(told, writerOptions(told, directory), 2);
    assertLoss(checked);
  }
  assertLapped(checked!);
});

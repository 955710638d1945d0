// Every write that the ring makes the disk do, replayed: after a power cut at any of them, with any of what was not flushed lost or torn, nothing that was safe
// is lost, and nothing of an older lap is seen.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { seededRandom } from "#testing/mutate.ts";
import { BlockReplay } from "#testing/ring-proof/block-log.ts";
import { checkRing } from "#testing/ring-proof/check-ring.ts";
import { LoggedDisk, loggedDiskMissing } from "#testing/ring-proof/logged-disk.ts";
import { LoopDisk, loopDiskMissing, withImage } from "#testing/ring-proof/loop-disk.ts";
import { RingTold, SMALL_RING, WriterProcess, writerOptions } from "#testing/ring-proof/writer-process.ts";
import type { WriterLine } from "#testing/ring-proof/writer-program.ts";

/** How many power cuts; more for a long night. */
const STATES = Number(process.env["CAMGATE_BLOCK_STATES"] ?? 40);
const SEED = Number(process.env["CAMGATE_FUZZ_SEED"] ?? 1);

const DISK_BYTES = 16 * 2 ** 20;
const CHUNKS = SMALL_RING.sizeBytes / SMALL_RING.chunkBytes;
const CAMERAS = ["gate", "yard"];
/** Fragments that fill the ring more than twice. */
const STORED = 1600;

/** What the clocks of two processes may differ by. */
const CLOCKS_US = 200;

/** What was said to be safe up to an instant; of what was recorded everything, since it may be in the chunks. */
function toldBy(lines: readonly WriterLine[], atUs: number): RingTold {
  const told = new RingTold(CAMERAS, SMALL_RING.fragmentMs);
  for (const line of lines) if (line.kind !== "stored" || line.atUs <= atUs - CLOCKS_US) told.note(line);
  return told;
}

const skip = loopDiskMissing || loggedDiskMissing;

test(`${STATES} power cuts between two writes of the disk`, { skip, timeout: 60_000 + 3000 * STATES }, async (t) => {
  const logged = new LoggedDisk();
  const disk = await LoopDisk.make(t, DISK_BYTES, logged);
  const told = new RingTold(CAMERAS, SMALL_RING.fragmentMs);
  const writer = new WriterProcess(disk, told, writerOptions(told, disk.mountPoint));
  await writer.stores(STORED);
  await writer.kill();
  const operations = await logged.operations();
  const firstStoredUs = told.lines.flatMap((line) => (line.kind === "stored" ? [line.atUs] : []))[0]!;
  const from = operations.findIndex(({ atUs }) => atUs > firstStoredUs);
  assert.ok(operations.length - from > 1000, `${operations.length} operations`);

  const random = seededRandom(SEED);
  const [image, mountPoint] = [join(logged.folder, "state"), join(logged.folder, "state-mnt")];
  await mkdir(mountPoint);
  const replay = new BlockReplay(logged.base, operations);
  // Behind a write that is not flushed yet.
  const loose = operations.flatMap(({ write }, i) => (i >= from && write !== undefined ? [i + 1] : []));
  const moments = Array.from({ length: STATES }, () => loose[random(loose.length)]!).sort((a, b) => a - b);
  let lost = 0;
  let newestGen = 0;
  let mounted = 0;
  for (const count of moments) {
    lost += await replay.write(image, count, random);
    const state = toldBy(told.lines, operations[count - 1]!.atUs);
    const isMounted = await withImage(image, mountPoint, async () => {
      const { chunks } = await checkRing(state, writerOptions(state, mountPoint, { bootCounter: 2 }), 1).catch((error: unknown) => {
        throw new Error(`after ${count} of ${operations.length} operations, seed ${SEED}`, { cause: error });
      });
      newestGen = Math.max(newestGen, chunks.at(-1)?.gen ?? 0);
    });
    if (isMounted) mounted++;
  }
  // ext4 itself does not survive a tear in its journal's superblock.
  t.diagnostic(`${mounted} mounted, ${lost} writes lost or torn`);
  assert.ok(mounted > 0.9 * STATES, `${mounted} of ${STATES} could be mounted`);
  assert.ok(lost > STATES / 2, `${lost} writes were lost or torn`);
  assert.ok(newestGen > 2 * CHUNKS, "the ring was lapped");
});

// The end of a chunk, where footage waits for its sync while the next chunk is to begin.
import assert from "node:assert/strict";
import { test } from "node:test";
import { seenFragments } from "#testing/ring-proof/oracle.ts";
import { SweptCamera } from "#testing/ring-proof/swept-camera.ts";
import { RingRig } from "#testing/ring-rig.ts";
import { inspectRing, verifyRing } from "./inspect.ts";
import { MIN_CHUNK_BYTES, trailerOffset } from "./layout.ts";

/** Seven go into a chunk. */
const FRAGMENT_BYTES = 7500;

/** Nothing is synced but at the end of a chunk. */
async function siteWithOneChunkFull(): Promise<{ readonly rig: RingRig; readonly gate: SweptCamera }> {
  const rig = await new RingRig({
    chunkBytes: MIN_CHUNK_BYTES,
    sizeBytes: 4 * MIN_CHUNK_BYTES,
    settings: { syncPeriodMs: 60_000 },
  }).start();
  const gate = new SweptCamera(rig, "gate", { fragmentBytes: FRAGMENT_BYTES });
  await record(rig, gate, 7);
  return { rig, gate };
}

async function record(rig: RingRig, camera: SweptCamera, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    rig.clock.us += 1e5;
    await camera.append();
    await rig.settle();
  }
}

test("the sync at the end of a chunk fails: the next chunk says that footage is missing before it", async () => {
  const { rig, gate } = await siteWithOneChunkFull();
  rig.fs.failAt(1, "EIO", ({ kind, path }) => kind === "sync" && path.endsWith(".gwc"));
  await record(rig, gate, 3);
  await rig.ring.close();
  const seen = await seenFragments(rig.ring.recordings, gate);
  assert.deepEqual(
    seen.map(({ number }) => number),
    [7, 8, 9],
  );
  const headers = [];
  for await (const { header } of verifyRing(rig.fs, "/rec", await inspectRing(rig.fs, "/rec"))) headers.push(header);
  assert.equal(headers.find((header) => header?.gen === 2)?.gapBefore, "disk");
  assert.ok(rig.events.some((event) => event.type === "gap" && event.cause === "disk" && event.durationMs === 7000));
});

test("the table at the end of a chunk cannot be written: its footage is saved all the same", async () => {
  const { rig, gate } = await siteWithOneChunkFull();
  const tableAt = trailerOffset(MIN_CHUNK_BYTES);
  rig.fs.failAt(1, "EIO", ({ kind, position }) => kind === "write" && position === tableAt);
  await record(rig, gate, 3);
  await rig.ring.close();
  const next = await rig.reboot(1, { chunkBytes: MIN_CHUNK_BYTES }).start();
  const seen = await seenFragments(next.ring.recordings, gate);
  assert.deepEqual(
    seen.map(({ number, gap }) => [number, gap]),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => [number, false]),
  );
  await next.ring.close();
});

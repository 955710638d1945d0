// Every single operation of a stretch of recording that laps the ring fails, in every way, or is the last before the power goes; every operation of the
// start after that, too. After each: what was safe is there, in order, with nothing of an older lap in it, and what is missing is said to be.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultFs, FsFault, FsFilter } from "#testing/fault-fs.ts";
import { crashFaultsOf, disagreements, faultsOf, scanChunks, seenFragments } from "#testing/ring-proof/oracle.ts";
import { SweptCamera } from "#testing/ring-proof/swept-camera.ts";
import { RingRig } from "#testing/ring-rig.ts";
import { MIN_CHUNK_BYTES } from "./layout.ts";

/** Chunks end between two syncs. */
const OPTIONS = { chunkBytes: MIN_CHUNK_BYTES, sizeBytes: 5 * MIN_CHUNK_BYTES, settings: { syncPeriodMs: 3000 } };
const FRAGMENT_BYTES = 7500;
const FRAGMENTS_PER_CHUNK = 7;

const newRig = (fs?: FaultFs, clock?: RingRig["clock"]): RingRig => new RingRig({ ...OPTIONS, ...(fs && { fs }), ...(clock && { clock }) });

/** Three laps of two cameras, one of which goes and comes back; a lock; the end. */
async function record(rig: RingRig): Promise<readonly SweptCamera[]> {
  const gate = new SweptCamera(rig, "gate", { fragmentBytes: FRAGMENT_BYTES });
  const yard = new SweptCamera(rig, "yard", { fragmentBytes: FRAGMENT_BYTES, firstFrame: 10_000 });
  for (let second = 0; second < 48; second++) {
    await gate.append();
    if (second === 20) await gate.camera.store.close();
    if (second === 22) await gate.open();
    if (second % 3 > 0) await yard.append();
    await rig.passMs(1000);
    if (second === 10) {
      const toUtcUs = rig.clock.utcOf(rig.clock.us).utcUs;
      await rig.ring.recordings.lock({ path: "yard", fromUtcUs: 0, toUtcUs, why: "" }).catch(() => {});
      yard.lockedThrough = yard.camera.frame + FRAGMENTS_PER_CHUNK;
    }
    if (second === 34) for (const { id } of rig.ring.recordings.locks()) await rig.ring.recordings.unlock(id).catch(() => {});
  }
  await rig.passMs(11_000); // a medium that failed is tried again
  for (const camera of [gate, yard]) await camera.append();
  await rig.passMs(1000);
  await rig.ring.close();
  return [gate, yard];
}

async function check(rig: RingRig, cameras: readonly SweptCamera[], what: string, crashes?: number): Promise<void> {
  assert.equal(rig.ring.status, "recording", `${what}: ${rig.ring.fault?.message}`);
  const shown = new Map();
  for (const camera of cameras) {
    const seen = await seenFragments(rig.ring.recordings, camera);
    assert.deepEqual(crashes === undefined ? faultsOf(seen, camera) : crashFaultsOf(seen, camera), [], what);
    assert.ok(seen.length > 0 || camera.stored.length === 0, `${what}: ${camera.path} is empty`);
    shown.set(camera.path, seen);
  }
  if (crashes === undefined) return;
  assert.deepEqual(disagreements(shown, await scanChunks(rig.fs, "/rec", cameras), crashes), [], what);
}

const dry = await newRig().start();
await record(dry);
const operations = dry.fs.history.length;

/** Power goes before the n-th operation. */
async function crashAt(n: number): Promise<{ readonly rig: RingRig; readonly cameras: readonly SweptCamera[] }> {
  const rig = newRig();
  rig.fs.failAt(n, "crash");
  return { rig, cameras: await rig.start().then(record) };
}

test(`power goes before each of ${operations} operations`, async () => {
  for (let n = 1; n <= operations; n++) {
    const { rig, cameras } = await crashAt(n);
    const next = await rig.reboot(n, OPTIONS).start();
    await check(next, cameras, `operation ${n}`, 1);
    await next.ring.close();
  }
});

test("power goes again, before each operation of the next start", async () => {
  for (let n = 30; n <= operations; n += Math.ceil(operations / 12)) {
    const { rig, cameras } = await crashAt(n);
    for (let m = 1, isWhole = false; !isWhole; m++) {
      const second = rig.reboot(m, OPTIONS);
      second.fs.failAt(m, "crash");
      await second.start().catch(() => {});
      isWhole = !second.fs.isDead;
      const third = await second.reboot(n + m, OPTIONS).start();
      await check(third, cameras, `operation ${n}, then ${m}`, 2);
      await third.ring.close();
    }
  }
});

/** What a fault can happen to. */
const FAULTS: readonly (readonly [FsFault, FsFilter])[] = [
  ["EIO", () => true],
  ["ENOSPC", ({ kind }) => kind === "write" || kind === "allocate"],
  ["EROFS", ({ kind }) => kind === "write" || kind === "open"],
  ["short", ({ kind }) => kind === "write" || kind === "read"],
];

for (const [fault, filter] of FAULTS) {
  test(`each operation fails with ${fault}`, async () => {
    const count = dry.fs.history.filter(filter).length;
    for (let n = 1; n <= count; n++) {
      const rig = newRig();
      rig.fs.failAt(n, fault, filter);
      const cameras = await rig.start().then(record);
      const again = await newRig(rig.fs, rig.clock).start();
      await check(again, cameras, `operation ${n}`);
      await again.ring.close();
      // What a failed sync left in memory alone is gone with the power.
      const next = await again.reboot(n, OPTIONS).start();
      await check(next, cameras, `operation ${n}, then power`);
      await next.ring.close();
    }
  });
}

// Power is lost, or an operation fails, at points all over a stretch of recording that laps the ring.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FsFault } from "#testing/fault-fs.ts";
import { RIG_CHUNK_BYTES, type RigCamera, RingRig } from "#testing/ring-rig.ts";

const SIZE_BYTES = 6 * RIG_CHUNK_BYTES;
/** Coprime with everything that comes at intervals: headers, syncs, rotations. */
const STRIDE = 17;

async function recordLaps(rig: RingRig): Promise<readonly RigCamera[]> {
  const cameras = [rig.camera("gate"), rig.camera("yard", { firstFrame: 10_000, gop: 3 })];
  for (let round = 0; round < 3; round++) {
    for (const camera of cameras) await camera.open().catch(() => {});
    for (let second = 0; second < 25; second++) {
      for (const camera of cameras) camera.store.append(camera.next());
      await rig.passMs(1000);
    }
    if (round === 1) for (const camera of cameras) await camera.store.close();
    await rig.passMs(11_000); // a medium that failed is tried again
  }
  await rig.ring.close();
  return cameras;
}

/** In order, nothing twice, nothing old, nothing missing that was told to be safe and is not overwritten. */
async function check(rig: RingRig, cameras: readonly RigCamera[], what: string): Promise<void> {
  for (const [place, path] of ["gate", "yard"].entries()) {
    const frames = await rig.framesOf(path);
    const stored = cameras[place]?.stored ?? [];
    for (let i = 1; i < frames.length; i++)
      assert.ok(frames[i]! > frames[i - 1]!, `${what}: ${path}: ${frames[i - 1]} before ${frames[i]}`);
    const [first = Number.POSITIVE_INFINITY] = frames;
    const seen = new Set(frames);
    assert.deepEqual(
      stored.filter((frame) => frame >= first && !seen.has(frame)),
      [],
      `${what}: ${path}`,
    );
    assert.ok(frames.length > 0 || stored.length === 0, `${what}: ${path} is empty`);
  }
}

const dry = await new RingRig({ sizeBytes: SIZE_BYTES }).start();
await recordLaps(dry);
const operations = dry.fs.history.length;

test("power is lost at every seventeenth operation", async () => {
  for (let n = 1; n <= operations; n += STRIDE) {
    // With long periods there is something to lose at each rotation.
    const rig = new RingRig({ sizeBytes: SIZE_BYTES, settings: { syncPeriodMs: n % 2 === 0 ? 1000 : 40_000 } });
    rig.fs.failAt(n, "crash");
    const cameras = await rig.start().then(recordLaps);
    const recovering = rig.reboot(n);
    recovering.fs.failAt(1 + (n % 29), "crash"); // and again while the start mends what the first time left
    await recovering.start();
    const next = await recovering.reboot(n + 1).start();
    assert.equal(next.ring.status, "recording");
    await check(next, cameras, `operation ${n}`);
    const camera = await next.camera("gate", { firstFrame: 5000 }).open();
    await camera.record(2);
    assert.deepEqual(camera.stored, [5000, 5001]);
    await next.ring.close();
  }
});

for (const fault of ["EIO", "ENOSPC", "EROFS", "short"] as const satisfies readonly FsFault[]) {
  test(`every seventeenth operation fails with ${fault}`, async () => {
    for (let n = 1; n <= operations; n += STRIDE) {
      const rig = new RingRig({ sizeBytes: SIZE_BYTES });
      rig.fs.failAt(n, fault);
      const cameras = await rig.start().then(recordLaps);
      const again = await new RingRig({ fs: rig.fs, clock: rig.clock }).start();
      assert.equal(again.ring.status, "recording", `operation ${n}: ${again.ring.fault?.message}`);
      await check(again, cameras, `operation ${n}`);
      await again.ring.close();
    }
  });
}

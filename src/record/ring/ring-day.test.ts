// A day of a full ring on a full medium, in simulated time: written over lap by lap, with locks that come and go; no file is made or removed, nothing runs out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs, type FsOperationKind } from "#testing/fault-fs.ts";
import { seededRandom } from "#testing/mutate.ts";
import { RIG_CHUNK_BYTES, RIG_EPOCH_UTC_US, type RigCamera, RingRig } from "#testing/ring-rig.ts";

const DAY_S = 86_400;
const CHUNKS = 40;
const LOOK_EVERY_S = 1800;
const MAKING: ReadonlySet<FsOperationKind> = new Set(["allocate", "makeFolder", "remove", "removeFolder", "rename", "truncate"]);

interface Locked {
  readonly path: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
  /** `framesOf` checks every byte of them. */
  readonly frames: readonly number[];
}

test("a day: three laps and more, locked footage byte for byte, no file made, no ENOSPC", async () => {
  const random = seededRandom(24);
  const fs = new FaultFs({ capacityBytes: (CHUNKS + 3) * RIG_CHUNK_BYTES });
  const rig = await new RingRig({ fs, sizeBytes: CHUNKS * RIG_CHUNK_BYTES, settings: { lockedShare: 0.3 } }).start();
  const cameras = [
    await rig.camera("gate", { fragmentBytes: 400, gop: 4 }).open(),
    await rig.camera("yard", { fragmentBytes: 700, firstFrame: 1_000_000 }).open(),
  ];
  const locked = new Map<string, Locked>();
  let refused = 0;
  let growthEnded = 0;
  for (let second = 0; second < DAY_S; second++) {
    for (const camera of cameras) assert.ok(camera.store.append(camera.next()));
    await rig.passMs(1000);
    if (growthEnded === 0 && rig.ring.usage!.withFootage >= CHUNKS - 1) growthEnded = fs.history.length;
    if (second % LOOK_EVERY_S > 0) continue;
    await changeLocks(rig, cameras[random(2)]!.store === cameras[0]!.store ? "gate" : "yard", second, locked, random).catch(
      () => refused++,
    );
    for (const { path, fromUtcUs, toUtcUs, frames } of locked.values()) {
      assert.deepEqual(await rig.framesOf(path, fromUtcUs, toUtcUs), frames, `${path} after ${second} s`);
    }
  }
  const steady = fs.history.slice(growthEnded);
  assert.ok(growthEnded > 0 && steady.length > 100_000);
  assert.deepEqual([...new Set(steady.filter(({ kind }) => MAKING.has(kind)).map(({ kind }) => kind))], []);
  const begun = steady.filter(({ kind, path, position }) => kind === "write" && path.endsWith(".gwc") && position === 0).length;
  assert.ok(begun > 3 * CHUNKS, `${begun} chunks were written over`);
  assert.deepEqual([...new Set(fs.history.map(({ error }) => error))], [undefined], "nothing ever failed");
  assert.ok(locked.size > 3 && refused > 0, `${locked.size} locks, ${refused} over the cap`);
  for (const { faults } of cameras) assert.deepEqual(faults, []);
  assert.deepEqual(
    rig.events.filter(({ type }) => type !== "status" && type !== "lock-cap"),
    [],
  );
  await assertContinuous(rig, cameras);

  const next = await rig.reboot(3, { sizeBytes: CHUNKS * RIG_CHUNK_BYTES }).start();
  for (const { path, fromUtcUs, toUtcUs, frames } of locked.values())
    assert.deepEqual(await next.framesOf(path, fromUtcUs, toUtcUs), frames);
  await next.ring.close();
});

/** One more, of some minutes within the last hour; some that are there go. */
async function changeLocks(
  rig: RingRig,
  path: string,
  second: number,
  locked: Map<string, Locked>,
  random: (below: number) => number,
): Promise<void> {
  const [oldest] = locked.keys();
  if (oldest !== undefined && random(3) === 0) {
    assert.equal(await rig.ring.recordings.unlock(oldest), true);
    locked.delete(oldest);
  }
  if (second < LOOK_EVERY_S) return;
  const toUtcUs = RIG_EPOCH_UTC_US + rig.clock.us - random(900) * 1e6;
  const request = { path, fromUtcUs: toUtcUs - (60 + random(500)) * 1e6, toUtcUs, why: "test" };
  const { id } = await rig.ring.recordings.lock(request);
  locked.set(id, { ...request, frames: await rig.framesOf(path, request.fromUtcUs, request.toUtcUs) });
}

/** What is there of a camera without locks ends with its last fragment, and has no hole. */
async function assertContinuous(rig: RingRig, cameras: readonly RigCamera[]): Promise<void> {
  for (const [i, path] of ["gate", "yard"].entries()) {
    const last = (await rig.ring.recordings.spans(path)).at(-1)!;
    const frames = await rig.framesOf(path, last.startUtcUs);
    const end = cameras[i]!.frame;
    assert.deepEqual(
      frames.slice(-1000),
      Array.from({ length: 1000 }, (_, k) => end - 1000 + k),
    );
  }
}

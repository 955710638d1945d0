// The ring lets go of every fragment that it took, once.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FsFilter } from "#testing/fault-fs.ts";
import { type RigCamera, RingRig } from "#testing/ring-rig.ts";

const ofChunks =
  (kind: string): FsFilter =>
  (operation) =>
    operation.kind === kind && operation.path.endsWith(".gwc");

/** Numbers of the fragments it took, and of those it let go. */
class Ledger {
  readonly taken: number[] = [];
  readonly released: number[] = [];

  append(camera: RigCamera): void {
    const number = camera.frame;
    const fragment = { ...camera.next(), release: () => void this.released.push(number) };
    if (camera.store.append(fragment)) this.taken.push(number);
  }
}

test("fragments that are written are let go before they are safe", async () => {
  const rig = await new RingRig().start();
  const camera = await rig.camera("gate").open();
  const ledger = new Ledger();
  const stall = rig.fs.stallNext(ofChunks("sync"));
  for (let i = 0; i < 3; i++) ledger.append(camera);
  await rig.passMs(100);
  stall.release();
  await rig.passMs(100);
  assert.deepEqual(
    [ledger.taken, ledger.released],
    [
      [0, 1, 2],
      [0, 1, 2],
    ],
  );
  await rig.ring.close();
});

test("a medium that hangs, then one that goes away: dropped, written or lost, each is let go once, and none while it is written", async () => {
  const rig = await new RingRig({ queue: { maxBytes: 40_000, maxMs: 8000 } }).start();
  const camera = await rig.camera("gate", { gop: 2 }).open();
  const other = await rig.camera("yard", { firstFrame: 1000, priority: 1 }).open();
  const ledger = new Ledger();
  ledger.append(camera);
  await rig.passMs(1000);
  const stall = rig.fs.stallNext(ofChunks("write"));
  for (let i = 0; i < 8; i++) {
    ledger.append(camera);
    ledger.append(other);
    await rig.passMs(1000);
  }
  const writing = ledger.taken[1]!;
  assert.ok(!ledger.released.includes(writing), "it is being written");
  assert.ok(rig.events.some((event) => event.type === "gap" && event.cause === "backpressure"));
  stall.release();
  await rig.passMs(3000);
  assert.deepEqual(sorted(ledger.released), sorted(ledger.taken));
  const gone = rig.fs.failAll("ENODEV");
  for (let i = 0; i < 3; i++) {
    ledger.append(camera);
    ledger.append(other);
  }
  await rig.passMs(3000);
  assert.equal(rig.ring.status, "degraded");
  assert.deepEqual(sorted(ledger.released), sorted(ledger.taken));
  gone();
  await rig.ring.close();
});

function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

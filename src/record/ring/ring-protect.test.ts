// A card that is nearly worn out: fewer pictures are written, and nothing else changes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RIG_EPOCH_UTC_US, RingRig } from "#testing/ring-rig.ts";

const WORN = { wear: { ratedTb: 1e-9, policy: "protect" } } as const;
const FRESH = { wear: { ratedTb: 100, policy: "protect" } } as const;

const range = (from: number, to: number, step = 1) => Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);
const wearEvents = (rig: RingRig) => rig.events.flatMap((event) => (event.type === "wear" ? [event.report.level] : []));

test("from the next keyframe on the first picture of each group is stored; it is told, and listed as one", async () => {
  const rig = await new RingRig({ settings: FRESH }).start();
  const camera = await rig.camera("gate", { gop: 4 }).open();
  await camera.record(6);
  const before = rig.ring.wear().writtenBytes;
  assert.equal(camera.store.shortfall, undefined);
  rig.ring.configure(WORN);
  assert.deepEqual(wearEvents(rig), ["good", "protect"]);
  assert.match(camera.store.shortfall!, /nearly worn out/);
  await camera.record(42);
  const written = rig.ring.wear().writtenBytes - before;
  await camera.store.close();
  assert.deepEqual(await rig.framesOf("gate"), [...range(0, 8), ...range(8, 48, 4)]);
  assert.ok(written < 48 * 12_000 * 0.5, `${written} bytes`);
  const spans = await rig.ring.recordings.spans("gate");
  assert.deepEqual(
    spans.map(({ startUtcUs, durationUs }) => [startUtcUs - RIG_EPOCH_UTC_US, durationUs]),
    [[1e6, 48e6]],
  );
  assert.deepEqual(camera.stored, range(0, 48), "what was left out is done with, too");
  await rig.ring.close();
});

test("what is locked as it comes is stored in full, from the next keyframe on", async () => {
  const rig = await new RingRig({ settings: { ...WORN, lockedShare: 1 }, sizeBytes: 20 * 256 * 1024 }).start();
  const camera = await rig.camera("gate", { gop: 4 }).open();
  await camera.record(10);
  const nowUtcUs = RIG_EPOCH_UTC_US + rig.clock.us;
  await rig.ring.recordings.lock({ path: "gate", fromUtcUs: nowUtcUs, toUtcUs: nowUtcUs + 10e6, why: "somebody at the gate" });
  assert.equal(camera.store.shortfall, undefined);
  await camera.record(20);
  await camera.store.close();
  assert.deepEqual(await rig.framesOf("gate"), [0, 4, 8, ...range(12, 24), 24, 28]);
  assert.equal((await rig.ring.recordings.spans("gate")).length, 1);
  await rig.ring.close();
});

test("with another card, or by another policy, all is stored again; without a rating it always is", async () => {
  const rig = await new RingRig({ settings: WORN }).start();
  const camera = await rig.camera("gate", { gop: 3 }).open();
  await camera.record(7);
  rig.ring.configure({ wear: { ...WORN.wear, policy: "warn" } });
  await camera.record(5);
  rig.ring.configure({ wear: { ratedTb: undefined, policy: "protect" } });
  await camera.record(3);
  await camera.store.close();
  assert.deepEqual(await rig.framesOf("gate"), [0, 3, 6, ...range(9, 15)]);
  assert.deepEqual(wearEvents(rig), ["protect", "warn", "unknown"]);
  await rig.ring.close();
});

test("a new run ends the group that waits; a gap does", async () => {
  const rig = await new RingRig({ settings: WORN }).start();
  const camera = await rig.camera("gate", { gop: 10 }).open();
  await camera.record(3);
  await camera.open();
  await camera.record(2);
  camera.frame = 20;
  await camera.open();
  camera.store.append(camera.next("source"));
  await rig.passMs(1000);
  await camera.record(3);
  await camera.store.close();
  assert.deepEqual(await rig.framesOf("gate"), [0, 3, 20]);
  await rig.ring.close();
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { collectedLog } from "#testing/collected-log.ts";
import { FaultFs, type FsFilter } from "#testing/fault-fs.ts";
import { RingRig } from "#testing/ring-rig.ts";
import { RingInUse } from "./process-lock.ts";

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const ofChunks =
  (kind: string): FsFilter =>
  (operation) =>
    operation.kind === kind && operation.path.endsWith(".gwc");

test("a write that fails costs the chunk, nothing else", async () => {
  const rig = await new RingRig().start();
  const camera = await rig.camera("gate").open();
  await camera.record(5);
  rig.fs.failAt(1, "EIO", ofChunks("write"));
  await camera.record(5);
  assert.deepEqual(await rig.framesOf("gate"), range(0, 10));
  assert.deepEqual(
    rig.events.filter(({ type }) => type !== "status").map(({ type }) => type),
    ["bad-chunk"],
  );
  assert.equal((await rig.ring.recordings.spans("gate")).length, 1);
  await rig.ring.close();
  const next = await rig.reboot(1).start();
  assert.deepEqual(await next.framesOf("gate"), range(0, 10));
  await next.ring.close();
});

test("after a sync that failed the file is given up: what was not synced is a gap, and is never shown", async () => {
  const rig = await new RingRig().start();
  const camera = await rig.camera("gate").open();
  await camera.record(5);
  rig.fs.failAt(1, "EIO", ofChunks("sync"));
  const failedAt = rig.fs.history.length;
  await camera.record(1);
  const failed = rig.fs.history.slice(failedAt).find(({ error }) => error !== undefined)!;
  const after = rig.fs.history.slice(rig.fs.history.indexOf(failed) + 1);
  assert.ok(!after.some(({ kind, path }) => path === failed.path && (kind === "sync" || kind === "write")));
  await camera.record(4);
  assert.deepEqual(camera.stored, [0, 1, 2, 3, 4, 6, 7, 8, 9]);
  assert.deepEqual(await rig.framesOf("gate"), camera.stored);
  assert.deepEqual(
    (await rig.ring.recordings.spans("gate")).map(({ gapBefore }) => gapBefore),
    [undefined, "disk"],
  );
  await rig.ring.close();
});

test("a medium that turns read-only or goes away: degraded, what was safe can still be read, and recording goes on when it is back", async () => {
  for (const fault of ["EROFS", "ENODEV"] as const) {
    const rig = await new RingRig().start();
    const camera = await rig.camera("gate").open();
    await camera.record(5);
    const stop = rig.fs.failAll(fault);
    await camera.record(3);
    assert.equal(rig.ring.status, "degraded");
    const code = fault === "EROFS" ? "read-only" : "gone";
    assert.deepEqual(camera.faults, [code]);
    assert.equal(camera.store.append(camera.next()), false);
    assert.deepEqual(await rig.framesOf("gate"), range(0, 5));
    await rig.passMs(30_000);
    assert.equal(rig.ring.status, "degraded");
    stop();
    await rig.passMs(10_000);
    assert.equal(rig.ring.status, "recording");
    camera.frame = 100;
    await camera.open();
    await camera.record(2);
    assert.deepEqual(await rig.framesOf("gate"), [...range(0, 5), 100, 101]);
    await rig.ring.close();
  }
});

test("more than eight bad chunks in an hour are a bad medium", async () => {
  const rig = await new RingRig({ sizeBytes: 20 * 256 * 1024 }).start();
  const camera = await rig.camera("gate").open();
  await camera.record(2);
  rig.fs.failAll("EIO", ofChunks("write"));
  for (let i = 0; i < 5 && rig.ring.status !== "degraded"; i++) {
    await camera.open();
    await camera.record(1);
  }
  assert.equal(rig.ring.status, "degraded");
  assert.equal(rig.events.filter(({ type }) => type === "bad-chunk").length, 9);
});

test("foreign files take the space: the ring stays as small as it is and goes on", async () => {
  const fs = new FaultFs({ capacityBytes: 5 * 256 * 1024 });
  const rig = await new RingRig({ fs }).start();
  const camera = await rig.camera("gate").open();
  await camera.record(100);
  assert.deepEqual(camera.faults, []);
  assert.ok(rig.events.some(({ type }) => type === "no-growth"));
  const frames = await rig.framesOf("gate");
  assert.deepEqual(frames, range(100 - frames.length, 100));
  await rig.ring.close();
});

test("a medium that hangs: the queue fills, whole groups are refused, the stall is told, and the gap says why", async () => {
  const rig = await new RingRig().start();
  const camera = await rig.camera("gate", { gop: 2 }).open();
  await camera.record(4);
  const stall = rig.fs.stallNext(ofChunks("sync"));
  const taken: number[] = [];
  for (let i = 0; i < 16; i++) {
    const fragment = camera.next();
    if (camera.store.append(fragment)) taken.push(camera.frame - 1);
    await rig.passMs(1000);
  }
  assert.deepEqual(taken.slice(0, 8), range(4, 12));
  assert.ok(rig.events.some(({ type }) => type === "disk-slow"));
  assert.ok(camera.store.queuedBytes > 0);
  stall.release();
  await rig.passMs(1000);
  camera.store.append(camera.next("backpressure"));
  await rig.passMs(3000);
  const frames = await rig.framesOf("gate");
  assert.deepEqual(frames, [...range(0, 4), ...taken, 20]);
  assert.equal((await rig.ring.recordings.spans("gate")).at(-1)?.gapBefore, "backpressure");
  await rig.ring.close();
});

test("a camera that matters more takes the room of one that matters less", async () => {
  const rig = await new RingRig({ queue: { maxBytes: 40_000, maxMs: 8000 } }).start();
  const low = await rig.camera("yard", { firstFrame: 1000 }).open();
  const high = await rig.camera("gate", { priority: 1 }).open();
  await low.record(1);
  const stall = rig.fs.stallNext(ofChunks("write"));
  for (let i = 0; i < 3; i++) {
    low.store.append(low.next());
    await rig.passMs(1000);
  }
  for (let i = 0; i < 5; i++) {
    assert.equal(high.store.append(high.next()), true);
    rig.clock.us += 1e6;
  }
  assert.ok(rig.events.some((event) => event.type === "gap" && event.path === "yard" && event.cause === "backpressure"));
  stall.release();
  await rig.passMs(3000);
  assert.deepEqual(await rig.framesOf("gate"), range(0, 5));
  await rig.ring.close();
});

test("all is locked: that camera stops, and goes on when something is unlocked", async () => {
  const rig = await new RingRig({ settings: { lockedShare: 1 } }).start();
  const camera = await rig.camera("gate").open();
  await camera.record(118);
  const lock = await rig.ring.recordings.lock({ path: "gate", fromUtcUs: 0, toUtcUs: Number.MAX_SAFE_INTEGER, why: "all of it" });
  await camera.record(30);
  assert.deepEqual(camera.faults, ["locked"]);
  assert.ok(rig.events.some((event) => event.type === "stop" && event.code === "locked"));
  assert.equal(rig.ring.status, "recording");
  await rig.ring.recordings.unlock(lock.id);
  camera.frame = 1000;
  await camera.open();
  await camera.record(2);
  assert.deepEqual((await rig.framesOf("gate")).slice(-2), [1000, 1001]);
  await rig.ring.close();
});

test("a chunk that is damaged or cannot be read is left out of list and read", async () => {
  const rig = await new RingRig().start();
  const camera = await rig.camera("gate", { gop: 3 }).open();
  await camera.record(45);
  await rig.ring.close();
  const chunk = await rig.fs.open("/rec/gwr1/c/00/000001.gwc", "update");
  await chunk.write([Buffer.from("damage")], 8192 + 5 * 12_300);
  const next = await new RingRig({ fs: rig.fs, clock: rig.clock }).start();
  const frames = await next.framesOf("gate");
  assert.deepEqual(frames.slice(0, 15), range(0, 15));
  assert.equal(frames.length < 45 && frames.length > 40, true);
  assert.equal(frames[frames.findIndex((frame, i) => i > 0 && frame !== frames[i - 1]! + 1)]! % 3, 0); // goes on at a keyframe
  next.fs.failAll("EIO", ({ kind, path }) => kind === "read" && path.endsWith("000001.gwc"));
  const without = await next.framesOf("gate");
  assert.deepEqual(without.slice(0, 15), range(0, 15));
  assert.equal(without.at(-1), 44);
  assert.equal((await next.ring.recordings.spans("gate")).length, 1);
  await next.ring.close();
});

test("footage that is read is not written over", async () => {
  const rig = await new RingRig().start();
  const camera = await rig.camera("gate").open();
  await camera.record(110);
  const signal = new AbortController().signal;
  const read: number[] = [];
  for await (const footage of rig.ring.recordings.read("gate", 0, Number.MAX_SAFE_INTEGER, signal)) {
    for await (const { samples, gap } of footage.fragments(signal)) {
      read.push(samples[0]!.samples[0]!.frame[0]!.readUInt32BE(1));
      if (read.length === 5) await camera.record(50); // over the chunks that come next
      assert.equal(gap, read.length > 5 && read.at(-1) !== read.at(-2)! + 1);
    }
  }
  assert.deepEqual(read, [...range(0, 15), ...range(read[15]!, 110)]);
  assert.ok(read[15]! > 30);
  await rig.ring.close();
});

test("a directory that is missing is told of once, however often it is tried, and used when it is there", async () => {
  const log = collectedLog();
  const rig = new RingRig({ log });
  await rig.ring.start();
  await rig.passMs(60_000);
  assert.deepEqual(log.lines, ["nothing is recorded: /rec is not there (gone)"]);
  await rig.fs.makeFolder("/rec");
  await rig.passMs(10_000);
  assert.equal(rig.ring.status, "recording");
  await rig.ring.close();
});

test("a second process is told who has the ring", async () => {
  const rig = new RingRig({ takeLock: async () => undefined });
  await rig.fs.makeFolder("/rec");
  await assert.rejects(rig.ring.start(), RingInUse);
  assert.equal(rig.ring.status, "closed");
});

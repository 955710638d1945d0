import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { seededRandom } from "#testing/mutate.ts";
import { RIG_CHUNK_BYTES, RIG_EPOCH_UTC_US, RingRig } from "#testing/ring-rig.ts";
import { SYNTHETIC_SETS, syntheticTrack } from "#testing/synthetic-track.ts";

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test("what is recorded is listed and read, across chunks, with its times", async () => {
  const rig = await new RingRig().start();
  assert.equal(rig.ring.status, "recording");
  const camera = await rig.camera("gate").open();
  await rig.passMs(1000);
  await camera.record(40); // 15 fragments a chunk
  assert.deepEqual(camera.stored, range(0, 40));
  assert.deepEqual(await rig.ring.recordings.paths(), ["gate"]);
  const spans = await rig.ring.recordings.spans("gate");
  assert.deepEqual(
    spans.map(({ startUtcUs, durationUs, gapBefore, open, locked }) => ({ startUtcUs, durationUs, gapBefore, open, locked })),
    [{ startUtcUs: RIG_EPOCH_UTC_US + 2_000_000, durationUs: 40e6, gapBefore: undefined, open: true, locked: false }],
  );
  assert.deepEqual(await rig.framesOf("gate"), range(0, 40));
  await rig.ring.close();
});

test("a medium that is full of footage is written over lap by lap: no file is made, cut or removed, and nothing old shows", async () => {
  const rig = await new RingRig().start();
  const [gate, yard] = [await rig.camera("gate").open(), await rig.camera("yard", { firstFrame: 100_000 }).open()];
  const both = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      gate.store.append(gate.next());
      yard.store.append(yard.next());
      await rig.passMs(1000);
    }
  };
  await both(70); // 8 chunks of 15 s
  const before = rig.fs.history.length;
  await both(200);
  const kinds = new Set(rig.fs.history.slice(before).map(({ kind }) => kind));
  for (const kind of ["allocate", "truncate", "remove", "rename", "makeFolder", "create-new"]) assert.ok(!kinds.has(kind as never), kind);
  for (const camera of [gate, yard]) {
    const frames = await rig.framesOf(camera === gate ? "gate" : "yard");
    assert.deepEqual(frames, range(camera.frame - frames.length, camera.frame));
    assert.ok(frames.length >= 45 && frames.length <= 60, String(frames.length));
  }
  await rig.ring.close();
});

test("at a rotation the old chunk is durable before anything of the next is written, and the index knows of both", async () => {
  const rig = await new RingRig({ settings: { syncPeriodMs: 3_600_000 } }).start();
  const camera = await rig.camera("gate").open();
  await camera.record(15);
  const before = rig.fs.history.length;
  await camera.record(1);
  const operations = rig.fs.history.slice(before).filter(({ kind }) => kind === "write" || kind === "sync");
  assert.deepEqual(
    operations
      .map(({ kind, path, position = 0 }) => `${kind} ${path.split("/").at(-1)}${kind === "write" && position === 0 ? " header" : ""}`)
      .slice(0, 8),
    [
      "write 000000.gwc", // trailer
      "sync 000000.gwc",
      "write log",
      "sync log",
      "write 000001.gwc", // no trailer
      "write 000001.gwc header",
      "sync 000001.gwc",
      "write 000001.gwc",
    ],
  );
  assert.deepEqual(camera.stored, range(0, 15));
  await rig.ring.close();
});

test("after a clean stop the next start reads the index alone, and recording goes on behind it", async () => {
  const rig = await new RingRig().start();
  const camera = await rig.camera("gate").open();
  await camera.record(20);
  await rig.ring.close();
  assert.deepEqual(camera.faults, []);
  const next = await rig.reboot(1).start();
  assert.equal(next.ring.status, "recording");
  assert.equal(next.fs.history.filter(({ path, kind }) => path.endsWith(".gwc") && kind === "open").length, 0);
  assert.deepEqual(await next.framesOf("gate"), range(0, 20));
  await (await next.camera("gate", { firstFrame: 20 }).open()).record(5);
  assert.deepEqual(await next.framesOf("gate"), range(0, 25));
  assert.deepEqual(
    (await next.ring.recordings.spans("gate")).map(({ gapBefore }) => gapBefore),
    [undefined, "off"],
  );
  await next.ring.close();
});

test("after power was lost nothing that was told to be safe is gone, and the gap says why", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const rig = await new RingRig().start();
    const camera = await rig.camera("gate").open();
    await camera.record(10 + seed * 2);
    camera.store.append(camera.next());
    camera.store.append(camera.next());
    await rig.settle();
    const safe = camera.stored.length;
    const next = await rig.reboot(seed).start();
    assert.equal(next.ring.status, "recording");
    const frames = await next.framesOf("gate");
    assert.deepEqual(frames, range(0, frames.length));
    assert.ok(frames.length >= safe, `${frames.length} < ${safe}`);
    await (await next.camera("gate", { firstFrame: 1000 }).open()).record(3);
    assert.deepEqual(await next.framesOf("gate"), [...range(0, frames.length), 1000, 1001, 1002]);
    assert.equal((await next.ring.recordings.spans("gate")).at(-1)?.gapBefore, "power");
    await next.ring.close();
  }
});

test("power is lost between the index's ALLOC and the chunk's header: the chunk is free again, and what it held does not come back as new", async () => {
  const rig = await new RingRig().start();
  const camera = await rig.camera("gate").open();
  await camera.record(8 * 15); // full
  rig.fs.failAt(1, "crash", ({ kind, path, position }) => kind === "write" && position === 0 && path.endsWith(".gwc"));
  await camera.record(1);
  const next = await rig.reboot(1).start();
  assert.deepEqual(await next.framesOf("gate"), range(15, 120));
  assert.equal(next.ring.usage?.withFootage, 7);
  await next.ring.close();
});

test("a lost index is made anew from the chunks, while recording goes on", async () => {
  for (const lose of ["ckpt", "state", "log"]) {
    const rig = await new RingRig().start();
    await (await rig.camera("a/path/with/a/name/that/is/longer/than/thirty-two/bytes").open()).record(100);
    await (await rig.camera("gate", { firstFrame: 1000 }).open()).record(20);
    await rig.settle();
    const paths = lose === "log" ? ["log"] : [`${lose}.0`, `${lose}.1`];
    for (const path of paths) {
      const file = await rig.fs.open(`/rec/gwr1/idx/${path}`, "update");
      await file.write([Buffer.alloc(64, 0xff)], 0);
      await file.sync();
    }
    const before = [await rig.framesOf("a/path/with/a/name/that/is/longer/than/thirty-two/bytes"), await rig.framesOf("gate")];
    const next = await rig.reboot(5).start();
    await (await next.camera("yard", { firstFrame: 5000 }).open()).record(5);
    assert.ok(
      next.events.some(({ type }) => type === "rebuilt"),
      lose,
    );
    assert.equal(next.ring.status, "recording");
    const [long, gate] = [await next.framesOf("a/path/with/a/name/that/is/longer/than/thirty-two/bytes"), await next.framesOf("gate")];
    assert.deepEqual(gate, before[1]);
    assert.deepEqual(long, before[0]!.slice(before[0]!.length - long.length));
    assert.deepEqual(await next.framesOf("yard"), range(5000, 5005));
    await next.ring.close();
    const last = await next.reboot(6).start();
    assert.deepEqual(await last.framesOf("gate"), gate);
    assert.ok(!last.events.some(({ type }) => type === "rebuilt"));
    await last.ring.close();
  }
});

test("locked footage stays byte for byte over three laps", async () => {
  const rig = await new RingRig().start();
  const camera = await rig.camera("gate").open();
  await camera.record(40);
  const signal = new AbortController().signal;
  const from = RIG_EPOCH_UTC_US + 1_000_000 + 17_000_000;
  const lock = await rig.ring.recordings.lock({ path: "gate", fromUtcUs: from, toUtcUs: from + 6e6, why: "alarm" });
  assert.equal(lock.sizeBytes > 0, true);
  await camera.record(400);
  const frames = await rig.framesOf("gate");
  assert.deepEqual(frames.slice(0, 15), range(15, 30)); // the whole chunk
  assert.deepEqual(frames.slice(15), range(440 - (frames.length - 15), 440));
  const read: number[] = [];
  for await (const footage of rig.ring.recordings.read("gate", from, from + 3e6, signal)) {
    for await (const { samples } of footage.fragments(signal))
      read.push(...samples[0]!.samples.map(({ frame }) => frame[0]!.readUInt32BE(1)));
  }
  assert.deepEqual(read, [17, 18, 19]);
  assert.equal((await rig.ring.recordings.spans("gate"))[0]?.locked, true);
  // Seven chunks of eight: more than locks may hold.
  const all = { path: "gate", fromUtcUs: 0, toUtcUs: from + 1e9, why: "all" };
  await assert.rejects(rig.ring.recordings.lock(all), { name: "CallerFault", code: "too-many" });
  assert.equal(await rig.ring.recordings.unlock(lock.id), true);
  assert.equal(await rig.ring.recordings.unlock(lock.id), false);
  await camera.record(150);
  const unlocked = await rig.framesOf("gate");
  assert.deepEqual(unlocked, range(590 - unlocked.length, 590));
  await rig.ring.close();
});

test("locks that come and go at random: what is locked is never touched", async () => {
  const random = seededRandom(11);
  const rig = await new RingRig({ sizeBytes: 20 * RIG_CHUNK_BYTES }).start();
  const cameras = [await rig.camera("gate").open(), await rig.camera("yard", { firstFrame: 100_000 }).open()];
  const locked = new Map<string, { path: string; fromUtcUs: number; toUtcUs: number; frames: number[] }>();
  for (let round = 0; round < 60; round++) {
    for (let second = 0; second < 15; second++) {
      for (const camera of cameras) camera.store.append(camera.next());
      await rig.passMs(1000);
    }
    const path = random(2) === 0 ? "gate" : "yard";
    const toUtcUs = RIG_EPOCH_UTC_US + rig.clock.us - random(60) * 1e6;
    const request = { path, fromUtcUs: toUtcUs - (5 + random(20)) * 1e6, toUtcUs, why: "test" };
    if (round % 2 === 0) {
      const lock = await rig.ring.recordings.lock(request).catch(() => undefined);
      if (lock !== undefined) locked.set(lock.id, { ...request, frames: await rig.framesOf(path, request.fromUtcUs, request.toUtcUs) });
    } else if (locked.size > 2) {
      const [id = ""] = [...locked.keys()];
      await rig.ring.recordings.unlock(id);
      locked.delete(id);
    }
    for (const { path, fromUtcUs, toUtcUs, frames } of locked.values())
      assert.deepEqual(await rig.framesOf(path, fromUtcUs, toUtcUs), frames);
  }
  assert.ok(locked.size > 0 && rig.ring.usage!.locked <= 6);
  for (const { faults } of cameras) assert.deepEqual(faults, []);
  const next = await rig.reboot(2).start();
  for (const { path, fromUtcUs, toUtcUs, frames } of locked.values())
    assert.deepEqual(await next.framesOf(path, fromUtcUs, toUtcUs), frames);
  assert.deepEqual(
    next.ring.recordings.locks().map(({ id }) => id),
    [...locked.keys()],
  );
  await next.ring.close();
});

test("a clock that is set moves the times, not the footage: spans, locks and reads follow", async () => {
  const rig = await new RingRig().start();
  rig.clock.offsetsUs.set(1, 0); // 1970: nothing is known yet
  const camera = await rig.camera("gate").open();
  await camera.record(20);
  const lock = await rig.ring.recordings.lock({ path: "gate", fromUtcUs: 3e6, toUtcUs: 5e6, why: "early" });
  rig.clock.offsetsUs.set(1, RIG_EPOCH_UTC_US);
  rig.clock.version++;
  await camera.record(200);
  const [first, rest] = await rig.ring.recordings.spans("gate");
  assert.deepEqual([first?.startUtcUs, first?.locked, rest?.locked], [RIG_EPOCH_UTC_US + 1e6, true, false]);
  assert.deepEqual(await rig.framesOf("gate", RIG_EPOCH_UTC_US + 3e6, RIG_EPOCH_UTC_US + 5e6), [2, 3]);
  assert.deepEqual(await rig.framesOf("gate", 3e6, 5e6), []);
  const clipped = await rig.ring.recordings.spans("gate", { fromUtcUs: RIG_EPOCH_UTC_US + 3.5e6, toUtcUs: RIG_EPOCH_UTC_US + 4e6 });
  assert.deepEqual(
    clipped.map(({ startUtcUs, durationUs }) => [startUtcUs - RIG_EPOCH_UTC_US, durationUs]),
    [[3.5e6, 0.5e6]],
  );
  assert.deepEqual(await rig.ring.recordings.spans("gate", { offset: 1, limit: 1 }), [rest]);
  assert.equal(rig.ring.recordings.locks()[0]?.id, lock.id);
  await rig.ring.close();
});

test("a camera that comes back with the same parameters goes on in its chunk, with a gap; other parameters begin the next", async () => {
  const rig = await new RingRig().start();
  const camera = await rig.camera("gate").open();
  await camera.record(3);
  await camera.store.close();
  await rig.passMs(5000);
  await camera.open([syntheticTrack()], "source");
  await camera.record(3);
  const other = { ...syntheticTrack(), parameters: { codec: "h264", sps: [SYNTHETIC_SETS.otherSps], pps: [SYNTHETIC_SETS.pps] } as const };
  await camera.open([other]);
  await camera.record(2);
  assert.deepEqual(await rig.framesOf("gate"), range(0, 8));
  assert.equal(rig.ring.usage?.withFootage, 2);
  assert.deepEqual(
    (await rig.ring.recordings.spans("gate")).map(({ gapBefore, durationUs }) => ({ gapBefore, durationUs })),
    [
      { gapBefore: undefined, durationUs: 3e6 },
      { gapBefore: "source", durationUs: 3e6 },
      { gapBefore: "tracks", durationUs: 2e6 },
    ],
  );
  await rig.ring.close();
});

test("a camera whose parameters keep changing does not take a chunk for each change", async () => {
  const rig = await new RingRig().start();
  const camera = rig.camera("gate", { fragmentBytes: 2000 });
  const sets = [SYNTHETIC_SETS.sps, SYNTHETIC_SETS.otherSps];
  for (let change = 0; change < 12; change++) {
    await camera.open([{ ...syntheticTrack(), parameters: { codec: "h264", sps: [sets[change % 2]!], pps: [SYNTHETIC_SETS.pps] } }]);
    await camera.record(2);
  }
  assert.equal(rig.ring.usage?.withFootage, 5);
  const frames: number[] = [];
  const setsSeen: string[] = [];
  const signal = new AbortController().signal;
  for await (const footage of rig.ring.recordings.read("gate", 0, Number.MAX_SAFE_INTEGER, signal)) {
    for await (const { samples } of footage.fragments(signal)) {
      const { frame } = samples[0]!.samples[0]!;
      frames.push(frame.at(-1)!.readUInt32BE(1));
      setsSeen.push(frame.length > 1 ? frame[0]!.toString("hex") : "");
    }
  }
  assert.deepEqual(frames, range(0, 24));
  assert.equal(setsSeen.at(-1), SYNTHETIC_SETS.otherSps.toString("hex"));
  assert.equal(setsSeen.at(-3), SYNTHETIC_SETS.sps.toString("hex"));
  await rig.ring.close();
});

test("a foreign ring, a blank medium where a ring is known, and a missing one are left alone until they are adopted", async () => {
  const fs = new FaultFs();
  await fs.makeFolder("/data");
  const identityPath = "/data/ring-id";
  const first = await new RingRig({ fs, identityPath }).start();
  await (await first.camera("gate").open()).record(2);
  await first.ring.close();
  await fs.rename("/rec", "/old");
  const gone = new RingRig({ fs, identityPath });
  await gone.ring.start();
  assert.deepEqual([gone.ring.status, gone.ring.fault?.code], ["degraded", "gone"]);
  await assert.rejects(gone.camera("gate").open(), { code: "gone" });

  await fs.makeFolder("/rec");
  await gone.passMs(10_000);
  assert.equal(gone.ring.fault?.code, "foreign");
  assert.deepEqual(await fs.list("/rec"), []);
  await gone.ring.adopt();
  assert.equal(gone.ring.status, "recording");
  assert.notEqual(gone.ring.ringId, first.ring.ringId);
  await gone.ring.close();

  await fs.rename("/rec", "/new");
  await fs.rename("/old", "/rec");
  const back = await new RingRig({ fs, identityPath }).start();
  assert.equal(back.ring.fault?.code, "foreign");
  const writes = fs.history.filter(({ kind, path }) => kind === "write" && path.startsWith("/rec")).length;
  await back.passMs(30_000);
  assert.equal(fs.history.filter(({ kind, path }) => kind === "write" && path.startsWith("/rec")).length, writes);
  await back.ring.adopt();
  assert.deepEqual(await back.framesOf("gate"), [0, 1]);
  await back.ring.close();
});

test("limits of time and size", async () => {
  const quota = { minMs: 0, maxMs: 60_000, maxBytes: 3 * RIG_CHUNK_BYTES, weight: 1 };
  const rig = await new RingRig({ quotaOf: (path) => (path === "gate" ? quota : undefined) }).start();
  const camera = await rig.camera("gate").open();
  await camera.record(100);
  assert.equal(rig.ring.usage?.withFootage, 3);
  await camera.store.close();
  await rig.passMs(700_000); // the open chunk is closed after ten minutes
  assert.deepEqual(await rig.framesOf("gate"), []);
  assert.deepEqual(await rig.ring.recordings.paths(), []);
  await rig.ring.close();
  const next = await rig.reboot(3).start();
  assert.deepEqual(await next.framesOf("gate"), []);
  await next.ring.close();
});

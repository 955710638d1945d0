// Media that fill up, turn read-only, go away, fail and hang, under a real process: recording goes on where it can, comes back where it cannot, and what is
// missing is told exactly.
import assert from "node:assert/strict";
import { open, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { describe, test } from "node:test";
import { type CheckedRing, checkRing } from "#testing/ring-proof/check-ring.ts";
import { LoopDisk, loopDiskMissing } from "#testing/ring-proof/loop-disk.ts";
import { type Hole, holesOf } from "#testing/ring-proof/oracle.ts";
import { injecting, Strace, straceMissing } from "#testing/ring-proof/strace.ts";
import { RingTold, SMALL_RING, WriterProcess, writerOptions } from "#testing/ring-proof/writer-process.ts";
import type { WriterLine } from "#testing/ring-proof/writer-program.ts";
import { chunkPath } from "./layout.ts";
import type { RingStatus } from "./ring-event.ts";

const DISK_BYTES = 32 * 2 ** 20;
const CHUNKS = SMALL_RING.sizeBytes / SMALL_RING.chunkBytes;
/** Fragments, with a margin. */
const LAP = 400;
/** So many are in the ring for sure. */
const SOME = 100;
const { fragmentMs } = SMALL_RING;
const skip = loopDiskMissing || straceMissing;

const chunkFiles = (directory: string): string[] => Array.from({ length: CHUNKS }, (_, chunk) => `${directory}/gwr1/${chunkPath(chunk)}`);

interface Rig {
  readonly disk: LoopDisk;
  readonly told: RingTold;
  readonly writer: WriterProcess;
}

/** A disk with a ring that is in its second lap. */
async function lappedRing(t: Parameters<typeof LoopDisk.make>[0], changes: Parameters<typeof writerOptions>[2] = {}): Promise<Rig> {
  const disk = await LoopDisk.make(t, DISK_BYTES);
  const told = new RingTold(["gate", "yard"], fragmentMs);
  const writer = new WriterProcess(disk, told, writerOptions(told, disk.mountPoint, changes));
  await writer.stores(LAP);
  return { disk, told, writer };
}

const isStatus =
  (wanted: RingStatus) =>
  (line: WriterLine | undefined): boolean =>
    line?.kind === "event" && line.event.type === "status" && line.event.status === wanted;

async function reaches({ writer }: Rig, status: RingStatus): Promise<void> {
  const from = writer.told.lines.length;
  await writer.until(status, ({ lines }) => lines.slice(from).some(isStatus(status)));
}

/** Stops the writer and looks at everything. */
async function checked({ disk, told, writer }: Rig): Promise<CheckedRing> {
  await writer.stores(SOME);
  await writer.stop();
  return checkRing(told, writerOptions(told, disk.mountPoint));
}

function faultCodes({ lines }: RingTold): string[] {
  return lines.flatMap((line) => (line.kind === "fault" ? [line.code] : []));
}

interface PathHole extends Hole {
  readonly path: string;
}

function holes({ cameras }: CheckedRing): PathHole[] {
  return cameras.flatMap(({ told: { path }, seen }) => holesOf(seen).map((hole) => ({ path, ...hole })));
}

function causes({ cameras }: CheckedRing, path: string): unknown[] {
  return cameras
    .find(({ told }) => told.path === path)!
    .spans.map(({ gapBefore }) => gapBefore)
    .slice(1);
}

/** Appends of a camera while nothing became safe for the longest time. */
function appendsInStall({ lines }: RingTold, path: string): { readonly lastedMs: number; readonly appends: number } {
  const safeAtUs = lines.flatMap((line) => (line.kind === "stored" ? [line.atUs] : []));
  let [fromUs, toUs] = [0, 0];
  for (let i = 1; i < safeAtUs.length; i++)
    if (safeAtUs[i]! - safeAtUs[i - 1]! > toUs - fromUs) [fromUs, toUs] = [safeAtUs[i - 1]!, safeAtUs[i]!];
  const appends = lines.filter((line) => line.kind === "append" && line.path === path && line.atUs > fromUs && line.atUs < toUs).length;
  return { lastedMs: (toUs - fromUs) / 1000, appends };
}

/** A foreign file takes what is free, to the last block. */
async function fill(disk: LoopDisk): Promise<void> {
  const file = await open(`${disk.mountPoint}/foreign`, "w");
  try {
    for (const sizeBytes of [2 ** 20, 4096]) {
      const bytes = Buffer.alloc(sizeBytes, 1);
      for (let isFull = false; !isFull; )
        await file.write(bytes).then(
          ({ bytesWritten }) => {
            isFull = bytesWritten < sizeBytes;
          },
          ({ code }: NodeJS.ErrnoException) => {
            assert.equal(code, "ENOSPC");
            isFull = true;
          },
        );
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The medium was out of use once: one gap for each camera, and whoever reads the events knows. */
async function assertOneGap(rig: Rig): Promise<void> {
  const found = await checked(rig);
  for (const { told, seen } of found.cameras) {
    assert.equal(holesOf(seen).length, 1);
    assert.deepEqual(causes(found, told.path), ["disk"]);
  }
}

// They wait for timers and disks most of the time; more of them at once would wait for each other's disks.
describe("media that fail", { skip, concurrency: 2 }, () => {
  for (const [call, error] of [
    ["pwritev", "ENOSPC"],
    ["pwritev", "EIO"],
    ["pwrite64", "ENOSPC"],
  ] as const) {
    test(`${call} of a chunk fails with ${error}: nothing is lost`, async (t) => {
      const rig = await lappedRing(t);
      const tracer = await Strace.attach(
        rig.disk,
        rig.writer.pid,
        injecting(call, `error=${error}:when=1`, chunkFiles(rig.disk.mountPoint)),
      );
      await rig.writer.stores(SOME);
      const calls = await tracer.detach();
      assert.equal(calls.filter((line) => line.includes("INJECTED")).length, 1);
      assert.deepEqual(faultCodes(rig.told), []);
      assert.deepEqual(holes(await checked(rig)), []);
      assert.equal(rig.told.events.filter(({ type }) => type === "bad-chunk").length, error === "EIO" ? 1 : 0);
    });
  }

  test("fdatasync of a chunk fails: what was not safe is given up, and the gap has its length", async (t) => {
    const rig = await lappedRing(t);
    const failing = injecting("fdatasync", "error=EIO:when=1", chunkFiles(rig.disk.mountPoint));
    const badChunks = () => rig.told.events.filter(({ type }) => type === "bad-chunk").length;
    const isTold = () => rig.told.events.some(({ type }) => type === "gap");
    // One that fails with nothing but the trailer to make safe loses nothing.
    for (let tries = 1; tries <= 5 && !isTold(); tries++) {
      const tracer = await Strace.attach(rig.disk, rig.writer.pid, failing);
      await rig.writer.until("a sync that fails", () => badChunks() >= tries);
      // Taking it off takes time, in which the ring would write over the gap.
      if (!isTold()) await tracer.detach();
    }
    const found = await checked(rig);
    const [hole, ...others] = holes(found);
    assert.deepEqual(others, []);
    const gap = rig.told.events.find((event) => event.type === "gap")!;
    const durationMs = (hole!.before - hole!.after - 1) * fragmentMs;
    assert.deepEqual(gap, { type: "gap", path: hole!.path, cause: "disk", durationMs });
    assert.deepEqual(causes(found, hole!.path), ["disk"]);
  });

  test("fdatasync of the log fails: degraded, and back by itself", async (t) => {
    const rig = await lappedRing(t, { timerSpeed: 10 });
    const log = [`${rig.disk.mountPoint}/gwr1/idx/log`];
    const tracer = await Strace.attach(rig.disk, rig.writer.pid, injecting("fdatasync", "error=EIO:when=1", log));
    await reaches(rig, "degraded");
    await tracer.detach();
    await reaches(rig, "recording");
    const found = await checked(rig);
    assert.deepEqual(
      holes(found).map(({ path }) => path),
      ["gate", "yard"],
    );
    for (const path of ["gate", "yard"]) assert.deepEqual(causes(found, path), ["disk"]);
  });

  test("fdatasync hangs for five seconds: appending goes on, the queue takes it all", async (t) => {
    const rig = await lappedRing(t);
    const files = chunkFiles(rig.disk.mountPoint);
    const tracer = await Strace.attach(rig.disk, rig.writer.pid, injecting("fdatasync", "delay_enter=5s:when=1", files));
    await rig.writer.until("the stall", ({ events }) => events.some(({ type }) => type === "disk-slow"));
    await rig.writer.stores(LAP);
    await tracer.detach();
    const stall = appendsInStall(rig.told, "gate");
    assert.ok(stall.lastedMs > 4000);
    assert.ok(stall.appends > 300, `${stall.appends} fragments in ${stall.lastedMs} ms`);
    assert.deepEqual(holes(await checked(rig)), []);
  });

  test("fdatasync hangs for longer than the queue is: what was refused is the gap", async (t) => {
    const rig = await lappedRing(t, { queueMs: 1000 });
    const files = chunkFiles(rig.disk.mountPoint);
    const tracer = await Strace.attach(rig.disk, rig.writer.pid, injecting("fdatasync", "delay_enter=3s:when=1", files));
    await rig.writer.until("the stall", ({ events }) => events.some(({ type }) => type === "disk-slow"));
    await rig.writer.stores(SOME);
    await tracer.detach();
    const found = await checked(rig);
    for (const { told, seen } of found.cameras) {
      const [hole, ...others] = holesOf(seen);
      assert.deepEqual(others, []);
      const refused: number[] = [];
      for (let number = seen[0]!.number; number <= told.lastTaken; number++) if (!told.taken.has(number)) refused.push(number);
      assert.deepEqual([hole!.after + 1, hole!.before - 1], [refused[0], refused.at(-1)]);
      assert.deepEqual(causes(found, told.path), ["backpressure"]);
    }
  });

  test("in steady state no file is made, removed, renamed or resized", async (t) => {
    const rig = await lappedRing(t);
    const changing = "creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,link,linkat,symlink,truncate,ftruncate,fallocate";
    const tracer = await Strace.attach(rig.disk, rig.writer.pid, ["-e", `trace=${changing},open,openat`]);
    await rig.writer.stores(3 * LAP);
    const calls = await tracer.detach();
    const opened = calls.filter((line) => line.includes(".gwc"));
    assert.ok(opened.length > CHUNKS);
    const isOpen = (line: string): boolean => /\bopen(at)?\(/.test(line) && !/O_CREAT|O_TRUNC/.test(line);
    assert.deepEqual(
      calls.filter((line) => /\w+\(.*/.test(line) && !isOpen(line) && !line.includes("resumed")),
      [],
    );
    assert.deepEqual(holes(await checked(rig)), []);
  });

  test("a full file system: the ring goes on, and starts", async (t) => {
    const rig = await lappedRing(t);
    await fill(rig.disk);
    await assert.rejects(writeFile(`${rig.disk.mountPoint}/one-more`, Buffer.alloc(100_000)), { code: "ENOSPC" });
    await rig.writer.stores(2 * LAP);
    await rig.writer.stop();
    const again = new WriterProcess(rig.disk, rig.told, writerOptions(rig.told, rig.disk.mountPoint, { bootCounter: 2 }));
    await again.stores(2 * LAP);
    await again.kill();
    const found = await checkRing(rig.told, writerOptions(rig.told, rig.disk.mountPoint, { bootCounter: 3 }), 1);
    assert.ok(found.chunks.length >= CHUNKS - 1); // one may have been begun and hold nothing yet
    const types = new Set(rig.told.events.map(({ type }) => type));
    assert.deepEqual([...types], ["status"]);
  });

  test("a file system that fills up while the ring still grows: it stays as small as it is", async (t) => {
    const disk = await LoopDisk.make(t, DISK_BYTES);
    const told = new RingTold(["gate", "yard"], fragmentMs);
    const writer = new WriterProcess(disk, told, writerOptions(told, disk.mountPoint));
    await writer.stores(LAP / 6);
    await fill(disk);
    await writer.until("it is told", ({ events }) => events.some(({ type }) => type === "no-growth"));
    await writer.stores(2 * LAP);
    await writer.stop();
    const found = await checkRing(told, writerOptions(told, disk.mountPoint), 0);
    assert.ok(found.chunks.length < CHUNKS && found.chunks.length > 2);
    assert.deepEqual(holes(found), []);
  });

  test("an error makes the file system read-only: degraded; repaired and mounted again: back by itself", async (t) => {
    const rig = await lappedRing(t, { timerSpeed: 10, mustBeMount: true });
    const degraded = reaches(rig, "degraded");
    await writeFile(`/sys/fs/ext4/${basename(rig.disk.device)}/trigger_fs_error`, "test");
    await degraded;
    await rig.disk.unmount(); // nothing holds a file open
    const recording = reaches(rig, "recording");
    await rig.disk.mount();
    await recording;
    await assertOneGap(rig);
  });

  test("a medium that is mounted read-only at the start: degraded, until it is not", async (t) => {
    const disk = await LoopDisk.make(t, DISK_BYTES);
    const told = new RingTold(["gate", "yard"], fragmentMs);
    await disk.remount("ro");
    const writer = new WriterProcess(disk, told, writerOptions(told, disk.mountPoint, { timerSpeed: 10 }));
    await reaches({ disk, told, writer }, "degraded");
    assert.ok(told.events.some((event) => event.type === "status" && event.code === "read-only"));
    await disk.remount("rw");
    await reaches({ disk, told, writer }, "recording");
    assert.deepEqual(holes(await checked({ disk, told, writer })), []);
  });

  test("the device goes away and comes back: degraded, nothing where it was mounted is touched, and back by itself", async (t) => {
    const rig = await lappedRing(t, { timerSpeed: 10, mustBeMount: true });
    const degraded = reaches(rig, "degraded");
    await rig.disk.pull();
    await degraded;
    await rig.disk.unmount();
    const isGone = (line: WriterLine): boolean =>
      isStatus("degraded")(line) && line.kind === "event" && "code" in line.event && line.event.code === "gone";
    await rig.writer.until("the mount is missed", ({ lines }) => lines.some(isGone));
    await rig.disk.plugIn();
    const recording = reaches(rig, "recording");
    await rig.disk.mount();
    await recording;
    await assertOneGap(rig);
  });
});

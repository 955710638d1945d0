import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { FsFile } from "#base/fs-port.ts";
import { FaultFs, type FsFault, type FsOperationKind } from "./fault-fs.ts";

const SEEDS = Array.from({ length: 200 }, (_, i) => i);
const SECTOR_BYTES = 512;

const text = (bytes: Buffer | undefined) => bytes?.toString("latin1");
const filled = (byte: string, sizeBytes: number) => Buffer.alloc(sizeBytes, byte);

async function write(file: FsFile, bytes: string | Buffer, position = 0): Promise<void> {
  await file.write([Buffer.from(bytes)], position);
}

/** A file of `a` whose bytes and name are durable. */
async function durableFile(fs: FaultFs, path = "/a", sizeBytes = 4 * SECTOR_BYTES): Promise<FsFile> {
  const file = await fs.open(path, "create");
  await write(file, filled("a", sizeBytes));
  await file.sync();
  await fs.syncFolder("/");
  return file;
}

test("it is a file system", async () => {
  const fs = new FaultFs({ nowMs: () => 77 });
  await assert.rejects(fs.open("/x/a", "create"), { code: "ENOENT" });
  await fs.makeFolder("/x/y");
  await fs.makeFolder("/x/y");
  await assert.rejects(fs.open("/x/a", "update"), { code: "ENOENT" });
  const file = await fs.open("/x/a", "create-new");
  await file.write([Buffer.from("one"), Buffer.from("two")], 2);
  const buffer = Buffer.alloc(10);
  assert.equal(await file.read(buffer, 1), 7);
  assert.equal(buffer.toString("latin1", 0, 7), "\0onetwo");
  await file.truncate(3);
  await file.truncate(4);
  assert.equal(text(fs.bytesOf("/x/a")), "\0\0o\0");
  assert.equal(await file.size(), 4);
  await assert.rejects(fs.open("/x/a", "create-new"), { code: "EEXIST" });
  const reading = await fs.open("/x/a", "read");
  await assert.rejects(write(reading, "x"), { code: "EBADF" });
  await reading.close();
  await assert.rejects(reading.size(), { code: "EBADF" });
  assert.deepEqual(await fs.facts("/x/a"), { isFolder: false, sizeBytes: 4, modifiedMs: 77, device: 1, inode: 4 });
  assert.equal((await fs.facts("/x"))?.isFolder, true);
  await fs.rename("/x/a", "/x/y/b");
  assert.deepEqual(await fs.list("/x"), [{ name: "y", isFolder: true }]);
  assert.deepEqual(await fs.list("/x/y"), [{ name: "b", isFolder: false }]);
  await write(file, "held");
  assert.equal(text(fs.bytesOf("/x/y/b")), "held", "an open file keeps its identity");
  await assert.rejects(fs.removeFolder("/x/y"), { code: "ENOTEMPTY" });
  await fs.remove("/x/y/b");
  await fs.removeFolder("/x/y");
  assert.equal(await fs.list("/x/y"), undefined);
  assert.equal(await fs.facts("/x/y/b"), undefined);
  assert.equal(fs.bytesOf("/x/y/b"), undefined);
});

test("the medium has an end", async () => {
  const fs = new FaultFs({ capacityBytes: 100 });
  const file = await fs.open("/a", "create");
  await write(file, filled("a", 60));
  assert.deepEqual(await fs.space("/"), { totalBytes: 100, freeBytes: 40 });
  await write(file, filled("b", 60), 0);
  await assert.rejects(write(file, "x", 100), { code: "ENOSPC" });
  await assert.rejects(fs.allocate("/b", 41), { code: "ENOSPC" });
  await fs.allocate("/b", 40);
  await file.truncate(0);
  assert.equal((await fs.space("/")).freeBytes, 60);
});

test("what was synced, bytes and name, is there after every crash", async () => {
  for (const seed of SEEDS) {
    const fs = new FaultFs();
    const file = await durableFile(fs);
    await write(file, filled("b", SECTOR_BYTES), SECTOR_BYTES);
    await file.sync();
    await fs.allocate("/c", 10);
    await fs.syncFolder("/");
    const after = fs.crash(seed);
    assert.ok(after.bytesOf("/a")?.equals(Buffer.concat([filled("a", 512), filled("b", 512), filled("a", 1024)])));
    assert.ok(after.bytesOf("/c")?.equals(Buffer.alloc(10)));
  }
});

test("what was not synced is lost, whole or torn at sectors, and all of these happen", async () => {
  const outcomes = new Set<string>();
  for (const seed of SEEDS) {
    const fs = new FaultFs();
    const file = await durableFile(fs);
    await write(file, filled("b", 2 * SECTOR_BYTES), SECTOR_BYTES / 2);
    const found = fs.crash(seed).bytesOf("/a")!;
    assert.equal(found.length, 4 * SECTOR_BYTES);
    let outcome = "";
    for (const [from, to] of [
      [0, 256],
      [256, 512],
      [512, 1024],
      [1024, 1280],
      [1280, 2048],
    ] as const) {
      const part = new Set(found.toString("latin1", from, to));
      assert.equal(part.size, 1, "torn inside a sector");
      outcome += [...part][0];
    }
    outcomes.add(outcome);
  }
  assert.deepEqual([...outcomes].sort(), ["aaaaa", "aaaba", "aabaa", "aabba", "abaaa", "ababa", "abbaa", "abbba"]);
});

test("a file that grew may have its new size without the bytes, or the old one", async () => {
  const outcomes = new Set<string>();
  for (const seed of SEEDS) {
    const fs = new FaultFs();
    const file = await durableFile(fs, "/a", SECTOR_BYTES);
    await write(file, filled("b", SECTOR_BYTES), SECTOR_BYTES);
    const found = fs.crash(seed).bytesOf("/a")!;
    outcomes.add(`${found.length} ${new Set(text(found.subarray(SECTOR_BYTES))).size === 0 ? "" : found[SECTOR_BYTES]}`);
  }
  assert.deepEqual([...outcomes].sort(), ["1024 0", `1024 ${"b".charCodeAt(0)}`, "512 "]);
});

test("a size that was set and not synced may come or not", async () => {
  const sizes = new Set<number>();
  for (const seed of SEEDS) {
    const fs = new FaultFs();
    await (await durableFile(fs)).truncate(5);
    sizes.add(fs.crash(seed).bytesOf("/a")!.length);
  }
  assert.deepEqual([...sizes].sort(), [4 * SECTOR_BYTES, 5]);
});

test("names that were not synced may be lost; a rename is done or not, never half", async () => {
  const outcomes = new Set<string>();
  for (const seed of SEEDS) {
    const fs = new FaultFs();
    await (await durableFile(fs, "/old", 1)).close();
    await (await fs.open("/new", "create")).close();
    await fs.rename("/old", "/renamed");
    await fs.makeFolder("/folder");
    const names = (await fs.crash(seed).list("/"))!.map(({ name }) => name).sort();
    outcomes.add(names.join(" "));
  }
  const expected = ["old", "renamed"].flatMap((file) =>
    [["folder"], ["new"], ["folder", "new"], []].map((others) => [...others, file].sort().join(" ")),
  );
  assert.deepEqual([...outcomes].sort(), expected.sort());
});

test("a rename between folders is durable once either of them is synced", async () => {
  for (const seed of SEEDS.slice(0, 20)) {
    const fs = new FaultFs();
    await fs.makeFolder("/x");
    await durableFile(fs);
    await fs.rename("/a", "/x/b");
    await fs.syncFolder("/x");
    const after = fs.crash(seed);
    assert.equal(after.bytesOf("/a"), undefined);
    assert.equal(after.bytesOf("/x/b")?.length, 4 * SECTOR_BYTES);
  }
});

test("a file that was removed may come back", async () => {
  const found = new Set<boolean>();
  for (const seed of SEEDS) {
    const fs = new FaultFs();
    await durableFile(fs);
    await fs.remove("/a");
    found.add(fs.crash(seed).bytesOf("/a") !== undefined);
  }
  assert.equal(found.size, 2);
});

test("the same seed finds the same", async () => {
  const states = await Promise.all(
    [7, 7, 8].map(async (seed) => {
      const fs = new FaultFs();
      const file = await durableFile(fs);
      for (let i = 0; i < 4; i++) await write(file, filled("b", SECTOR_BYTES), i * SECTOR_BYTES);
      return text(fs.crash(seed).bytesOf("/a"));
    }),
  );
  assert.equal(states[0], states[1]);
  assert.notEqual(states[0], states[2]);
});

test("a sync that fails forgets the dirty pages: they are read, never written, and the next sync succeeds", async () => {
  const fs = new FaultFs();
  const file = await durableFile(fs, "/a", 4);
  await write(file, "lost");
  fs.failAt(1, "EIO", ({ kind }) => kind === "sync");
  await assert.rejects(file.sync(), { code: "EIO" });
  await write(file, "K", 3);
  await file.sync();
  assert.equal(text(fs.bytesOf("/a")), "losK");
  assert.equal(text(fs.durableBytesOf("/a")), "aaaK");
  assert.equal(text(fs.crash(1).bytesOf("/a")), "aaaK");
});

test("the n-th operation fails, once, as it was told to", async () => {
  for (const code of ["ENOSPC", "EIO", "EROFS", "ENODEV"] as FsFault[]) {
    const fs = new FaultFs();
    const file = await durableFile(fs);
    fs.failAt(3, code);
    await write(file, "1");
    await write(file, "2");
    await assert.rejects(write(file, "3"), { code });
    await write(file, "4", 1);
    assert.equal(text(fs.bytesOf("/a"))?.slice(0, 2), "24");
    assert.deepEqual(
      fs.history.slice(-4).map(({ error }) => error),
      [undefined, undefined, code, undefined],
    );
  }
});

test("every kind of operation can fail", async () => {
  const kinds: readonly FsOperationKind[] = [
    ...(["open", "makeFolder", "syncFolder", "list", "facts", "rename", "remove", "removeFolder", "space", "allocate"] as const),
    ...(["read", "write", "sync", "truncate", "size", "close"] as const),
  ];
  for (const kind of kinds) {
    const fs = new FaultFs();
    const file = await durableFile(fs);
    fs.failAt(1, "EIO", (operation) => operation.kind === kind);
    const operations: Readonly<Record<FsOperationKind, () => Promise<unknown>>> = {
      open: () => fs.open("/a", "read"),
      makeFolder: () => fs.makeFolder("/x"),
      syncFolder: () => fs.syncFolder("/"),
      list: () => fs.list("/"),
      facts: () => fs.facts("/a"),
      rename: () => fs.rename("/a", "/b"),
      remove: () => fs.remove("/a"),
      removeFolder: () => fs.removeFolder("/x"),
      space: () => fs.space("/"),
      allocate: () => fs.allocate("/y", 1),
      read: () => file.read(Buffer.alloc(1), 0),
      write: () => write(file, "x"),
      sync: () => file.sync(),
      truncate: () => file.truncate(0),
      size: () => file.size(),
      close: () => file.close(),
    };
    await assert.rejects(operations[kind](), { code: "EIO" }, kind);
    assert.equal(fs.bytesOf("/a")?.[0], "a".charCodeAt(0), `${kind} did something`);
  }
});

test("short: half of a write is taken and it fails, half of a read comes", async () => {
  const fs = new FaultFs();
  const file = await fs.open("/a", "create");
  fs.failAt(1, "short");
  await assert.rejects(write(file, "123456"), { code: "ENOSPC" });
  assert.equal(text(fs.bytesOf("/a")), "123");
  fs.failAt(1, "short");
  assert.equal(await file.read(Buffer.alloc(2), 0), 1);
  fs.failAt(1, "short");
  await assert.rejects(file.sync(), { code: "EIO" });
});

test("a medium that takes no writes until it does", async () => {
  const fs = new FaultFs();
  const file = await durableFile(fs);
  const heal = fs.failAll("EROFS");
  await assert.rejects(write(file, "x"), { code: "EROFS" });
  await assert.rejects(fs.remove("/a"), { code: "EROFS" });
  assert.equal(await file.size(), 4 * SECTOR_BYTES);
  heal();
  await write(file, "x");
});

test("power that goes at an operation: it and all after it fail, also on files that were open", async () => {
  const fs = new FaultFs();
  const file = await durableFile(fs);
  fs.failAt(2, "crash");
  await write(file, "b");
  await assert.rejects(write(file, "c"), { code: "EIO" });
  assert.ok(fs.isDead);
  await assert.rejects(file.sync(), { code: "EIO" });
  await assert.rejects(fs.list("/"), { code: "EIO" });
  const after = fs.crash(3);
  assert.ok(!after.isDead);
  assert.match(text(after.bytesOf("/a"))!, /^[ab]/);
  await assert.rejects(file.size(), { code: "EIO" });
});

test("an operation hangs until the test lets it go; others pass", async () => {
  const fs = new FaultFs();
  const file = await durableFile(fs);
  const stall = fs.stallNext(({ kind }) => kind === "sync");
  await write(file, "b");
  let isDone = false;
  const synced = file.sync().then(() => {
    isDone = true;
  });
  assert.equal((await stall.reached).path, "/a");
  await write(file, "c", 1);
  await setImmediate();
  assert.ok(!isDone);
  assert.equal(text(fs.durableBytesOf("/a"))?.[0], "a");
  stall.release();
  await synced;
  assert.equal(text(fs.durableBytesOf("/a"))?.[0], "b");
});

test("the bytes of a write are those of the moment it was asked for", async () => {
  const fs = new FaultFs();
  const file = await fs.open("/a", "create");
  const bytes = Buffer.from("now");
  const written = file.write([bytes], 0);
  bytes.fill("x");
  await written;
  assert.equal(text(fs.bytesOf("/a")), "now");
});

test("the history tells what was done where", async () => {
  const fs = new FaultFs();
  const file = await fs.open("/a", "create");
  await write(file, "abc", 5);
  await file.sync();
  assert.deepEqual(fs.history, [
    { kind: "open", path: "/a", position: undefined, sizeBytes: undefined, error: undefined },
    { kind: "write", path: "/a", position: 5, sizeBytes: 3, error: undefined },
    { kind: "sync", path: "/a", position: undefined, sizeBytes: undefined, error: undefined },
  ]);
});

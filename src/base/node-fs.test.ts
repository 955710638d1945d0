import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NodeFs, writeAll } from "./node-fs.ts";

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "camgate-node-fs-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("what is written in pieces is read back whole, and fewer bytes only at the end", async (t) => {
  const path = join(await folderOf(t), "a");
  const file = await new NodeFs().open(path, "create-new");
  await file.write([Buffer.from("one"), Buffer.alloc(0), Buffer.from("two")], 0);
  await file.write([Buffer.from("X")], 4);
  await file.sync();
  const buffer = Buffer.alloc(16);
  assert.equal(await file.read(buffer, 2), 4);
  assert.equal(buffer.toString("latin1", 0, 4), "etXo");
  assert.equal(await file.size(), 6);
  await file.truncate(3);
  await file.close();
  assert.equal(await readFile(path, "latin1"), "one");
});

test("the modes of opening", async (t) => {
  const fs = new NodeFs();
  const path = join(await folderOf(t), "a");
  await assert.rejects(fs.open(path, "update"), { code: "ENOENT" });
  await assert.rejects(fs.open(path, "read"), { code: "ENOENT" });
  await (await fs.open(path, "create-new")).close();
  await assert.rejects(fs.open(path, "create-new"), { code: "EEXIST" });
  await writeFile(path, "before");
  const update = await fs.open(path, "update");
  await update.write([Buffer.from("B")], 0);
  await update.close();
  assert.equal(await readFile(path, "latin1"), "Before");
  const reading = await fs.open(path, "read");
  await assert.rejects(reading.write([Buffer.from("x")], 0), { code: "EBADF" });
  await reading.close();
  await (await fs.open(path, "create")).close();
  assert.equal((await stat(path)).size, 0);
});

test("folders and names", async (t) => {
  const fs = new NodeFs();
  const folder = await folderOf(t);
  const deep = join(folder, "a", "b");
  await fs.makeFolder(deep);
  await fs.makeFolder(deep);
  await writeFile(join(deep, "x"), "12345");
  await fs.syncFolder(deep);
  await fs.rename(join(deep, "x"), join(deep, "y"));
  assert.deepEqual(await fs.list(deep), [{ name: "y", isFolder: false }]);
  assert.deepEqual(await fs.list(folder), [{ name: "a", isFolder: true }]);
  assert.equal(await fs.list(join(folder, "none")), undefined);
  assert.equal(await fs.list(join(deep, "y", "none")), undefined);
  const facts = await fs.facts(join(deep, "y"));
  assert.equal(facts?.sizeBytes, 5);
  assert.equal(facts?.isFolder, false);
  assert.equal((await fs.facts(deep))?.isFolder, true);
  assert.equal(await fs.facts(join(deep, "x")), undefined);
  await assert.rejects(fs.removeFolder(deep), { code: "ENOTEMPTY" });
  await fs.remove(join(deep, "y"));
  await fs.removeFolder(deep);
  assert.deepEqual(await fs.list(join(folder, "a")), []);
  const { freeBytes, totalBytes } = await fs.space(folder);
  assert.ok(freeBytes > 0 && freeBytes <= totalBytes);
});

const SIZE_BYTES = 3 * 1024 * 1024 + 5;

for (const [how, fs] of [
  ["by the program", new NodeFs()],
  ["without the program", new NodeFs(() => Promise.reject(new Error("no such program")))],
] as const) {
  test(`allocated ${how}: blocks are there, what the file held is kept`, async (t) => {
    const folder = await folderOf(t);
    await fs.allocate(join(folder, "new"), SIZE_BYTES);
    await writeFile(join(folder, "old"), "held");
    await fs.allocate(join(folder, "old"), SIZE_BYTES);
    await fs.allocate(join(folder, "old"), 1);
    for (const name of ["new", "old"]) {
      const { size, blocks } = await stat(join(folder, name));
      assert.equal(size, SIZE_BYTES);
      assert.ok(blocks * 512 >= SIZE_BYTES, `${name} has holes`);
    }
    const bytes = await readFile(join(folder, "old"));
    assert.equal(bytes.toString("latin1", 0, 4), "held");
    assert.ok(bytes.subarray(4).equals(Buffer.alloc(SIZE_BYTES - 4)));
  });
}

test("a program that fails half-way leaves nothing behind", async (t) => {
  const path = join(await folderOf(t), "a");
  const fs = new NodeFs(async (_program, args) => {
    assert.deepEqual(args, ["-l", "10", path]);
    await writeFile(path, "rubbish");
    throw new Error("failed");
  });
  await fs.allocate(path, 10);
  assert.deepEqual(await readFile(path), Buffer.alloc(10));
});

test("a folder that is not there cannot be allocated in", async (t) => {
  const path = join(await folderOf(t), "none", "a");
  await assert.rejects(new NodeFs().allocate(path, 10), { code: "ENOENT" });
});

test("a write that is taken in parts is completed, one that is not taken at all fails", async () => {
  const written = Buffer.alloc(12, ".");
  const takes = [2, 4, 1, 5];
  const calls: string[] = [];
  const file = {
    writev: (buffers: readonly Buffer[], position: number) => {
      const bytesWritten = takes.shift() ?? 0;
      calls.push(`${bytesWritten} at ${position}`);
      Buffer.concat(buffers).copy(written, position, 0, bytesWritten);
      return Promise.resolve({ bytesWritten });
    },
  };
  const parts = ["abc", "def", "", "ghi"].map((text) => Buffer.from(text));
  await assert.rejects(writeAll(file, [...parts, Buffer.from("jklm")], 0), { code: "EIO" });
  assert.deepEqual(calls, ["2 at 0", "4 at 2", "1 at 6", "5 at 7", "0 at 12"]);
  assert.equal(written.toString("latin1"), "abcdefghijkl");
});

test("nothing to write is no call", async () => {
  await writeAll({ writev: () => assert.fail("called") }, [Buffer.alloc(0)], 0);
});

test("folders cannot be opened as files", async (t) => {
  const folder = await folderOf(t);
  await mkdir(join(folder, "a"));
  await assert.rejects(new NodeFs().open(join(folder, "a"), "update"), { code: "EISDIR" });
});

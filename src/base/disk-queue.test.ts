import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { deferred } from "#base/deferred.ts";
import { DiskQueue, threadPoolSize } from "./disk-queue.ts";
import type { FsFile, FsPort } from "./fs-port.ts";
import { NodeFs } from "./node-fs.ts";

/** Every call hangs until the test ends it. */
class HangingFs {
  /** Calls under way, in the order they were started. */
  readonly calls: { readonly what: string; end(fault?: Error): void }[] = [];
  readonly port: FsPort;

  constructor() {
    const files = { open: (path: string) => Promise.resolve(this.#file(path)) };
    this.port = new Proxy(files as unknown as FsPort, {
      get: (target, name) => Reflect.get(target, name) ?? ((path: string) => this.#hang(`${String(name)} ${path}`)),
    });
  }

  get whats(): string[] {
    return this.calls.map(({ what }) => what);
  }

  async end(what: string, fault?: Error): Promise<void> {
    const at = this.calls.findIndex((call) => call.what === what);
    assert.ok(at >= 0, `${what} is not under way: ${this.whats.join(", ")}`);
    this.calls.splice(at, 1)[0]!.end(fault);
    await setImmediate();
  }

  #file(path: string): FsFile {
    return new Proxy({} as FsFile, { get: (_, name) => (name === "then" ? undefined : () => this.#hang(`${String(name)} ${path}`)) });
  }

  #hang(what: string): Promise<void> {
    const call = deferred<void>();
    this.calls.push({ what, end: (fault) => (fault === undefined ? call.resolve() : call.reject(fault)) });
    return call.promise;
  }
}

async function setUp(poolSize: number, names: readonly string[]) {
  const fs = new HangingFs();
  const queue = new DiskQueue(fs.port, poolSize);
  const files = await Promise.all(names.map((name) => queue.open(name, "update")));
  return { fs, queue, files };
}

test("three threads are left to everything else, and one call is always allowed", async () => {
  for (const [poolSize, calls] of [
    [8, 5],
    [4, 1],
    [1, 1],
  ] as const) {
    const { fs, queue } = await setUp(poolSize, []);
    const asked = Array.from({ length: 7 }, (_, i) => queue.facts(`${i}`));
    assert.equal(fs.calls.length, calls);
    assert.equal(queue.calls, calls);
    for (let i = 0; i < 7; i++) await fs.end(`facts ${i}`);
    await Promise.all(asked);
    assert.equal(queue.calls, 0);
  }
});

test("of syncs there are two at most: writes of other files overtake the third", async () => {
  const { fs, files } = await setUp(8, ["a", "b", "c", "d"]);
  const [a, b, c, d] = files as [FsFile, FsFile, FsFile, FsFile];
  const all = [a.sync(), b.sync(), c.sync(), d.write([], 0)];
  assert.deepEqual(fs.whats, ["sync a", "sync b", "write d"]);
  await fs.end("sync b");
  assert.deepEqual(fs.whats, ["sync a", "write d", "sync c"]);
  for (const what of fs.whats) await fs.end(what);
  await Promise.all(all);
});

test("folders that are synced and files that are allocated count as syncs", async () => {
  const { fs, queue } = await setUp(8, []);
  const all = [queue.allocate("a", 1), queue.syncFolder("b"), queue.syncFolder("c"), queue.remove("d")];
  assert.deepEqual(fs.whats, ["allocate a", "syncFolder b", "remove d"]);
  await fs.end("allocate a");
  for (const what of fs.whats) await fs.end(what);
  await Promise.all(all);
});

test("calls on one file keep their order, and files take turns", async () => {
  const { fs, files } = await setUp(4, ["a", "b"]);
  const [a, b] = files as [FsFile, FsFile];
  const all = [a.write([], 0), a.write([], 1), a.sync(), b.read(Buffer.alloc(1), 0), b.sync()];
  const seen: string[] = [];
  while (fs.calls.length > 0) {
    assert.equal(fs.calls.length, 1);
    seen.push(fs.whats[0]!);
    await fs.end(fs.whats[0]!);
  }
  assert.deepEqual(seen, ["write a", "read b", "write a", "sync b", "sync a"]);
  await Promise.all(all);
});

test("a file that hangs holds up no other", async () => {
  const { fs, files } = await setUp(5, ["a", "b"]);
  const [a, b] = files as [FsFile, FsFile];
  const hanging = [a.sync(), a.write([], 0)];
  for (let i = 0; i < 3; i++) {
    const written = b.write([], 0);
    await fs.end("write b");
    await written;
  }
  assert.deepEqual(fs.whats, ["sync a"]);
  await fs.end("sync a");
  await fs.end("write a");
  await Promise.all(hanging);
});

test("a call that fails gives its place back", async () => {
  const { fs, files } = await setUp(4, ["a"]);
  const failing = files[0]!.sync();
  const next = files[0]!.close();
  const rejected = assert.rejects(failing, { message: "EIO" });
  await fs.end("sync a", new Error("EIO"));
  await rejected;
  await fs.end("close a");
  await next;
});

test("with real files", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "camgate-disk-queue-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const fs = new DiskQueue(new NodeFs(), 4);
  await fs.makeFolder(join(folder, "x"));
  const files = await Promise.all(["a", "b", "c"].map((name) => fs.open(join(folder, "x", name), "create")));
  await Promise.all(
    files.flatMap((file, i) => [file.write([Buffer.from(`file ${i}`)], 0), file.sync(), file.write([Buffer.from("F")], 0), file.sync()]),
  );
  const bytes = Buffer.alloc(6);
  for (const [i, file] of files.entries()) {
    assert.equal(await file.size(), 6);
    await file.read(bytes, 0);
    assert.equal(bytes.toString("latin1"), `File ${i}`);
    await file.truncate(1);
    await file.close();
  }
  await fs.allocate(join(folder, "x", "d"), 100);
  await fs.rename(join(folder, "x", "d"), join(folder, "d"));
  await fs.syncFolder(folder);
  assert.equal((await fs.facts(join(folder, "d")))?.sizeBytes, 100);
  assert.equal((await fs.list(join(folder, "x")))?.length, 3);
  await fs.remove(join(folder, "d"));
  assert.ok((await fs.space(folder)).totalBytes > 0);
  for (const name of ["a", "b", "c"]) await fs.remove(join(folder, "x", name));
  await fs.removeFolder(join(folder, "x"));
});

test("the size of the pool, as libuv reads it", () => {
  const sizes = [undefined, "", "8", "0", "-1", "x", "5000", "16 "].map(threadPoolSize);
  assert.deepEqual(sizes, [4, 1, 8, 1, 1, 1, 1024, 16]);
});

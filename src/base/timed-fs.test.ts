import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import type { FsPort } from "./fs-port.ts";
import { NodeFs } from "./node-fs.ts";
import { timedFs } from "./timed-fs.ts";

test("does what the port does, and tells how long each sync took", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "a");
  const told: (readonly [string, number])[] = [];
  let nowMs = 0;
  const fs = timedFs(
    new NodeFs(),
    (of, ms) => told.push([of, ms]),
    () => (nowMs += 7),
  );
  const file = await fs.open(path, "create");
  await file.write([Buffer.from("hello"), Buffer.from(" there")], 0);
  await file.sync();
  assert.equal(await file.size(), 11);
  await file.truncate(5);
  await file.sync();
  const buffer = Buffer.alloc(9);
  assert.equal(await file.read(buffer, 0), 5);
  await file.close();
  assert.deepEqual(told, [
    [path, 7],
    [path, 7],
  ]);
  await fs.rename(path, `${path}b`);
  assert.equal(await readFile(`${path}b`, "utf8"), "hello");
  await fs.makeFolder(join(folder, "c"));
  assert.deepEqual((await fs.list(folder))?.map(({ name }) => name).sort(), ["ab", "c"]);
  assert.equal((await fs.facts(`${path}b`))?.sizeBytes, 5);
  await fs.removeFolder(join(folder, "c"));
  await fs.remove(`${path}b`);
  await fs.syncFolder(folder);
  assert.ok((await fs.space(folder)).totalBytes > 0);
});

test("every call of the port is handed on", () => {
  const calls: FsPort = timedFs(new NodeFs(), () => {});
  const missing = Object.getOwnPropertyNames(NodeFs.prototype).filter(
    (name) => name !== "constructor" && !name.startsWith("#") && !(name in calls),
  );
  assert.deepEqual(missing, []);
});

test("a sync that fails is not counted", async () => {
  const fault = Object.assign(new Error("EIO"), { code: "EIO" });
  const broken = { open: async () => ({ sync: () => Promise.reject(fault) }) } as unknown as FsPort;
  const fs = timedFs(broken, () => assert.fail("it was told"));
  await assert.rejects((await fs.open("x", "read")).sync(), fault);
});

// It keeps what is written, and refuses as a real one does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import { MemoryFs } from "./memory-fs.ts";

test("files are written, grown, cut, renamed and listed", async () => {
  const fs = new MemoryFs();
  await replaceFile(fs, "/data/a", Buffer.from("one"));
  await replaceFile(fs, "/data/a", Buffer.from("two and more"));
  assert.equal((await readSmallFile(fs, "/data/a", 100))!.toString(), "two and more");
  const file = await fs.open("/data/a", "update");
  await file.write([Buffer.from("2"), Buffer.from("2")], 20);
  assert.equal(await file.size(), 22);
  await file.truncate(3);
  await file.truncate(5);
  assert.equal((await readSmallFile(fs, "/data/a", 100))!.toString(), "two\0\0");
  assert.deepEqual(await fs.list("/data"), [{ name: "a", isFolder: false }]);
  assert.deepEqual(await fs.list("/"), [{ name: "data", isFolder: true }]);
  assert.equal(await fs.list("/none"), undefined);
  await assert.rejects(fs.open("/data/b", "read"), { code: "ENOENT" });
  await assert.rejects(fs.open("/none/b", "create"), { code: "ENOENT" });
  await assert.rejects(fs.open("/data/a", "create-new"), { code: "EEXIST" });
  await fs.remove("/data/a");
  assert.equal(await fs.facts("/data/a"), undefined);
});

// A file that is replaced: killed, powered off, or failed at any step, one of both versions is there.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { NodeFs } from "./node-fs.ts";
import { replaceFile } from "./replace-file.ts";

const PATH = "/data/camgate/overlay.yml";
const [OLD, NEW] = [Buffer.from("old"), Buffer.from("the new one, which is longer")];

async function withOld(): Promise<FaultFs> {
  const fs = new FaultFs();
  await replaceFile(fs, PATH, OLD);
  return fs;
}

test("a crash before any operation leaves the old bytes or the new ones, and what comes after is written", async () => {
  for (let step = 1; ; step++) {
    const fs = await withOld();
    fs.failAt(step, "crash");
    const ended = await replaceFile(fs, PATH, NEW).then(
      () => "done",
      () => "failed",
    );
    if (ended === "done") {
      assert.ok(step > 6, `${step} steps`);
      break;
    }
    for (let seed = 0; seed < 8; seed++) {
      const next = fs.crash(seed);
      const bytes = next.bytesOf(PATH)?.toString();
      assert.ok(bytes === "old" || bytes === NEW.toString(), `step ${step}, seed ${seed}: ${bytes}`);
      await replaceFile(next, PATH, NEW);
      assert.equal(next.bytesOf(PATH)?.toString(), NEW.toString());
    }
  }
});

test("once it is done it outlives a loss of power, also where its folder was made for it", async () => {
  for (let seed = 0; seed < 8; seed++) assert.equal((await withOld()).crash(seed).bytesOf(PATH)?.toString(), "old");
});

test("an operation that fails leaves the old bytes, and nothing beside them", async () => {
  for (const fault of ["ENOSPC", "EIO", "EROFS", "short"] as const) {
    for (let step = 2; step < 7; step++) {
      const fs = await withOld();
      fs.failAt(step, fault, ({ kind }) => kind !== "syncFolder");
      const ended = await replaceFile(fs, PATH, NEW).then(
        () => "done",
        () => "failed",
      );
      if (step > 3) assert.equal(ended, "failed");
      assert.equal(fs.bytesOf(PATH)?.toString(), ended === "done" ? NEW.toString() : "old", `${fault} at ${step}`);
      assert.equal(fs.bytesOf(`${PATH}.new`), undefined);
    }
  }
});

test("on a real file system: readable by its owner alone", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "camgate-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "made", "overlay.yml");
  await replaceFile(new NodeFs(), path, OLD);
  await writeFile(`${path}.new`, "of a crash");
  await replaceFile(new NodeFs(), path, NEW);
  assert.deepEqual(await readFile(path), NEW);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await assert.rejects(stat(`${path}.new`), { code: "ENOENT" });
});

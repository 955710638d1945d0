import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findPeer, missingOf } from "#testing/peers/find-peer.ts";
import { runPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { writeTar } from "./tar.ts";

const tar = findPeer("tar");

test("tar reads it: empty files, files of a block, of more", { skip: missingOf(tar) }, async (t) => {
  const folder = await temporaryFolder(t);
  const files = [0, 1, 511, 512, 513, 100_000].map((size) => ({ name: `bundle/file-${size}`, bytes: Buffer.alloc(size, `${size} `) }));
  const archive = writeTar(files, 1_800_000_000);
  assert.equal(archive.length % 512, 0);
  await writeFile(join(folder, "a.tar"), archive);
  await runPeer(t, tar, ["-xf", join(folder, "a.tar"), "-C", folder]);
  for (const { name, bytes } of files) assert.ok((await readFile(join(folder, name))).equals(bytes), name);
  assert.equal((await readdir(join(folder, "bundle"))).length, files.length);
  const { stdout } = await runPeer(t, tar, ["-tvf", join(folder, "a.tar"), "--utc"]);
  assert.match(stdout.toString(), /-rw------- 0\/0 +100000 2027-01-15 08:00 bundle\/file-100000/);
});

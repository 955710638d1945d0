// Watching a file: whatever way it changes is seen, once.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { collectedLog } from "#testing/collected-log.ts";
import { watchFile } from "./watch-file.ts";

interface Watched {
  readonly folder: string;
  readonly file: string;
  /** Resolves with the next change; changes that nobody waited for are none of ours. */
  changed(): Promise<void>;
  count(): number;
  /** Of the file, at each change that was told. */
  readonly sizes: readonly number[];
}

async function watched(t: TestContext, prepare: (folder: string) => Promise<string>): Promise<Watched> {
  const folder = await mkdtemp(join(tmpdir(), "camgate-"));
  const file = await prepare(folder);
  let count = 0;
  const sizes: number[] = [];
  let waiting: (() => void)[] = [];
  const close = watchFile({
    file,
    log: collectedLog(),
    onChange: () => {
      count++;
      sizes.push(statSync(file).size);
      for (const resolve of waiting) resolve();
      waiting = [];
    },
  });
  t.after(async () => {
    close();
    await rm(folder, { recursive: true });
  });
  return { folder, file, changed: () => new Promise((resolve) => waiting.push(resolve)), count: () => count, sizes };
}

async function plainFile(folder: string): Promise<string> {
  const file = join(folder, "camgate.yml");
  await writeFile(file, "a");
  return file;
}

test("edited in place, replaced, taken away and put back; others in its folder do not count", async (t) => {
  const { file, folder, changed, count } = await watched(t, plainFile);
  const edited = changed();
  await writeFile(file, "b2");
  await edited;
  const replaced = changed();
  await writeFile(join(folder, "other"), "x");
  await writeFile(`${file}.tmp`, "c33");
  await rename(`${file}.tmp`, file);
  await replaced;
  const back = changed();
  await rm(file);
  await writeFile(file, "d444");
  await back;
  assert.equal(count(), 3);
});

test("a link: what it leads to is edited, and it is pointed elsewhere, as orchestrators do it with folders", async (t) => {
  const { folder, changed } = await watched(t, async (root) => {
    for (const version of ["v1", "v2"]) {
      await mkdir(join(root, version));
      await writeFile(join(root, version, "camgate.yml"), version);
    }
    await mkdir(join(root, "etc"));
    await symlink(join(root, "v1"), join(root, "etc", "..data"));
    await symlink(join("..data", "camgate.yml"), join(root, "etc", "camgate.yml"));
    return join(root, "etc", "camgate.yml");
  });
  const edited = changed();
  await writeFile(join(folder, "v1", "camgate.yml"), "v1, edited");
  await edited;
  const pointed = changed();
  await symlink(join(folder, "v2"), join(folder, "etc", "..new"));
  await rename(join(folder, "etc", "..new"), join(folder, "etc", "..data"));
  await pointed;
  const again = changed();
  await writeFile(join(folder, "v2", "camgate.yml"), "v2, edited");
  await again;
});

test("a burst of writes is told of once or twice, not once for each", async (t) => {
  const { file, changed, count } = await watched(t, plainFile);
  const first = changed();
  for (let i = 0; i < 50; i++) await writeFile(file, "x".repeat(i + 2));
  await first;
  const last = changed();
  await writeFile(file, "the last");
  await last;
  assert.ok(count() <= 3, `${count()} calls`);
});

test("one that is emptied and then written is not told of in between; one that stays empty is", async (t) => {
  const { file, changed, sizes } = await watched(t, plainFile);
  for (const text of ["first", "second"]) {
    const written = changed();
    await writeFile(file, "");
    await setTimeout(300);
    await writeFile(file, text);
    await written;
  }
  assert.deepEqual(sizes, [5, 6]);
  const emptied = changed();
  await writeFile(file, "");
  await emptied;
  assert.deepEqual(sizes, [5, 6, 0]);
});

test("a file that is not there yet is seen when it comes", async (t) => {
  const { file, changed } = await watched(t, async (folder) => join(folder, "camgate.yml"));
  const came = changed();
  await writeFile(file, "a");
  await came;
});

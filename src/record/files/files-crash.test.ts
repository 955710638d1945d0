// Power fails, or the medium, at every single operation: what was told to be stored is there, in order, and recording goes on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeFs } from "#base/node-fs.ts";
import { FaultFs, type FsFault } from "#testing/fault-fs.ts";
import { FilesSite, FRAMES, numbersOf, readAll } from "#testing/files-site.ts";
import { readFragmentedFile } from "#testing/mp4/whole-file.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";

const SEEDS = [1, 2, 3];
const SECONDS = 5;

/** A recording during which the n-th operation fails; 0: none. */
async function recordUnder(fs: FaultFs, n: number, fault: FsFault): Promise<FilesSite> {
  const site = await FilesSite.open({ fs, store: { segmentDurationMs: 2000 } });
  if (n > 0) fs.failAt(n, fault);
  await site.store.open(site.run());
  await site.record(SECONDS);
  await site.store.close();
  return site;
}

/** How many operations it has. */
async function operations(): Promise<number> {
  const fs = new FaultFs();
  await FilesSite.open({ fs });
  const before = fs.history.length;
  const whole = new FaultFs();
  await recordUnder(whole, 0, "crash");
  return whole.history.length - before;
}

/** Whole groups of pictures, in order; none of those that were told to be stored is missing. */
function assertKept(site: FilesSite, numbers: readonly number[], what: string): void {
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, i) => i),
    `${what}: not contiguous`,
  );
  assert.ok(numbers.length >= site.stored.length * FRAMES, `${what}: ${numbers.length} frames of ${site.stored.length} s`);
}

test("power fails at any operation", async () => {
  const count = await operations();
  assert.ok(count > 20, `${count} operations`);
  for (let n = 1; n <= count; n++) {
    for (const seed of SEEDS) {
      const fs = new FaultFs();
      const site = await recordUnder(fs, n, "crash");
      const after = fs.crash(seed);
      const next = await FilesSite.open({ fs: after, clock: site.clock });
      const numbers = (await readAll(next.index)).flatMap(({ fragments }) => numbersOf(fragments));
      assertKept(site, numbers.slice(0, site.stored.length * FRAMES), `operation ${n}, seed ${seed}`);
      for (const { file } of next.index.catalog.of("cam")) {
        const mended = readFragmentedFile(after.bytesOf(file)!);
        if (mended === undefined || mended.init.tracks.length === 0) continue; // its head was never safe: left alone
        assert.ok(mended.init.durationMs > 0 && mended.places.every(({ whole }) => whole), `operation ${n}, seed ${seed}: ${file}`);
      }
      await next.store.open(next.run("power"));
      await next.record(2);
      await next.store.close();
      assert.deepEqual([next.faults, next.stored.length], [[], 2], `operation ${n}, seed ${seed}`);
    }
  }
});

test("power fails again at any operation while files are mended", async () => {
  for (let n = 1; ; n++) {
    const fs = new FaultFs();
    const site = await recordUnder(fs, (await operations()) - 4, "crash"); // before the duration of the last file is safe
    const torn = fs.crash(n);
    torn.failAt(n, "crash");
    await FilesSite.open({ fs: torn, clock: site.clock }).catch(() => {});
    if (!torn.isDead) {
      assert.ok(n > 5, "nothing was mended");
      return;
    }
    const next = await FilesSite.open({ fs: torn.crash(n), clock: site.clock });
    const numbers = (await readAll(next.index)).flatMap(({ fragments }) => numbersOf(fragments));
    assertKept(site, numbers, `operation ${n}`);
  }
});

test("power fails at any operation while footage is locked: it is locked after, or it was not told to be", async () => {
  for (let n = 1; ; n++) {
    const fs = new FaultFs();
    const site = await recordUnder(fs, 0, "crash");
    const request = { path: "cam", fromUtcUs: site.utcUs(0), toUtcUs: site.utcUs(), why: "" };
    const first = await site.index.lock(request);
    fs.failAt(n, "crash");
    const second = await site.index.lock(request).catch(() => undefined);
    const wasDead = fs.isDead;
    const next = await FilesSite.open({ fs: fs.crash(n), clock: site.clock });
    const ids = next.index.locks().map(({ id }) => id);
    assert.equal(ids[0], first.id, `operation ${n}`);
    if (second !== undefined) assert.equal(ids[1], second.id, `operation ${n}`);
    if (!wasDead) return;
  }
});

for (const fault of ["EIO", "ENOSPC", "short"] as const satisfies readonly FsFault[]) {
  test(`any operation fails once with ${fault}`, async () => {
    const count = await operations();
    for (let n = 1; n <= count; n++) {
      const fs = new FaultFs();
      const first = await recordUnder(fs, n, fault);
      assert.ok(first.faults.length <= 1, `operation ${n}`);
      assert.equal(
        fs.history.filter(({ kind, error }) => kind === "open" && error === undefined).length,
        closes(fs),
        `operation ${n}: a file is left open`,
      );
      const next = await FilesSite.open({ fs, clock: first.clock });
      const numbers = (await readAll(next.index)).flatMap(({ fragments }) => numbersOf(fragments));
      assertKept(first, numbers, `operation ${n}`);
      if (first.faults.length === 0) continue;
      await first.store.open(first.run("disk"));
      await first.record(1);
      await first.store.close();
      assert.equal(first.faults.length, 1, `operation ${n}: it does not go on`);
    }
  });
}

function closes(fs: FaultFs): number {
  return fs.history.filter(({ kind }) => kind === "close").length;
}

test("the same on a disk, without faults", async (t) => {
  const folder = await temporaryFolder(t);
  const options = { fs: new NodeFs(), recordPath: `${folder}/rec/%path/%s-%f`, index: { dataDirectory: `${folder}/data` } };
  const site = await FilesSite.open(options);
  await site.store.open(site.run());
  for (let i = 0; i < SECONDS; i++) site.store.append(site.fragment());
  await site.store.close();
  assert.equal(site.stored.length, SECONDS);
  const { index } = await FilesSite.open({ ...options, clock: site.clock });
  const numbers = (await readAll(index)).flatMap(({ fragments }) => numbersOf(fragments));
  assertKept(site, numbers, "disk");
  assert.equal(numbers.length, SECONDS * FRAMES);
});

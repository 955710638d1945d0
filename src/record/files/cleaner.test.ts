import assert from "node:assert/strict";
import { test } from "node:test";
import { collectedLog } from "#testing/collected-log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { RECORD_PATH } from "#testing/files-site.ts";
import { ManualTimers } from "#testing/manual-timers.ts";
import { Cleaner, type CleanerRules } from "./cleaner.ts";
import { FilesIndex } from "./files-index.ts";

const HOUR_MS = 3_600_000;
const SIZE_BYTES = 1000;

/** Files of a thousand bytes, by how many hours ago they begin. */
async function cleaned(
  files: readonly (readonly [path: string, hoursAgo: number])[],
  rules: Partial<CleanerRules> = {},
  options: { readonly clock?: FakeClock; readonly capacityBytes?: number } = {},
) {
  const { clock = new FakeClock(), capacityBytes = 1 << 30 } = options;
  const fs = new FaultFs({ capacityBytes });
  const log = collectedLog();
  const nameOf = (path: string, hoursAgo: number) => {
    const at = new Date(clock.utcOf(clock.us).utcUs / 1000 - hoursAgo * HOUR_MS).toISOString();
    return `/rec/${path}/${at.slice(0, 19).replace("T", "_").replaceAll(":", "-")}-000000.mp4`;
  };
  for (const [path, hoursAgo] of files) {
    await fs.makeFolder(`/rec/${path}`);
    const file = await fs.open(nameOf(path, hoursAgo), "create-new");
    await file.write([Buffer.alloc(SIZE_BYTES)], 0);
    await file.close();
  }
  const places = [{ recordPath: RECORD_PATH, recordFormat: "fmp4", owns: () => true }] as const;
  const index = await FilesIndex.open({ fs, clock, log: collectedLog(), places, zone: () => 0, dataDirectory: "/data" });
  const timers = new ManualTimers(clock);
  const cleaner = new Cleaner({
    fs,
    clock,
    log,
    index,
    schedule: timers.schedule,
    rules: { deleteAfterMs: () => 0, smallestDeleteAfterMs: () => undefined, maxSizeBytes: () => 0, minFreeBytes: () => 0, ...rules },
  });
  const left = () => files.filter(([path, hoursAgo]) => fs.bytesOf(nameOf(path, hoursAgo)) !== undefined);
  const segmentAt = (path: string, hoursAgo: number) => index.catalog.of(path).find(({ file }) => file === nameOf(path, hoursAgo))!;
  return { fs, log, index, timers, cleaner, left, segmentAt, clock };
}

const DAY = { deleteAfterMs: () => 24 * HOUR_MS, smallestDeleteAfterMs: () => 24 * HOUR_MS };

test("files that are too old go, and folders that are empty then", async () => {
  const { fs, cleaner, left, index } = await cleaned(
    [
      ["a", 30],
      ["a", 20],
      ["b/c", 30],
    ],
    DAY,
  );
  await cleaner.run();
  assert.deepEqual(left(), [["a", 20]]);
  assert.deepEqual(await fs.list("/rec"), [{ name: "a", isFolder: true }]);
  assert.deepEqual(index.catalog.paths, ["a"]);
  await cleaner.close();
});

test("no file goes for its age by a clock that is not trusted", async () => {
  for (const [quality, count] of [
    ["none", 1],
    ["est", 1],
    ["hint", 0],
    ["ntp", 0],
  ] as const) {
    const clock = new FakeClock();
    clock.utcOf = (us) => ({ utcUs: us + clock.utcOffsetUs, quality, errorMs: undefined });
    const { cleaner, left } = await cleaned([["a", 30]], DAY, { clock });
    await cleaner.run();
    assert.equal(left().length, count, quality);
    await cleaner.close();
  }
});

test("what is recorded, read or locked stays", async () => {
  const { cleaner, left, segmentAt, index } = await cleaned(
    [
      ["a", 50],
      ["a", 40],
      ["a", 30],
      ["a", 26],
    ],
    DAY,
  );
  segmentAt("a", 50).isOpen = true;
  segmentAt("a", 40).readers = 1;
  const { startUtcUs } = segmentAt("a", 30);
  const lock = await index.lock({ path: "a", fromUtcUs: startUtcUs, toUtcUs: startUtcUs + 1, why: "" });
  await cleaner.run();
  assert.deepEqual(
    left().map(([, hoursAgo]) => hoursAgo),
    [50, 40, 30],
  );
  segmentAt("a", 40).readers = 0;
  await index.unlock(lock.id);
  await cleaner.run();
  assert.deepEqual(
    left().map(([, hoursAgo]) => hoursAgo),
    [50],
  );
  await cleaner.close();
});

test("a file that is taken into use while others are deleted stays", async () => {
  const { cleaner, left, segmentAt, fs } = await cleaned(
    [
      ["a", 50],
      ["a", 40],
    ],
    DAY,
  );
  const stall = fs.stallNext(({ kind }) => kind === "remove");
  const run = cleaner.run();
  await stall.reached;
  segmentAt("a", 40).readers = 1;
  stall.release();
  await run;
  assert.deepEqual(left(), [["a", 40]]);
  await cleaner.close();
});

test("a lock that has come to its end holds nothing", async () => {
  const { cleaner, left, segmentAt, index, clock } = await cleaned([["a", 30]], DAY);
  const { startUtcUs } = segmentAt("a", 30);
  const untilUtcUs = clock.utcOf(clock.us).utcUs + 5;
  await index.lock({ path: "a", fromUtcUs: startUtcUs, toUtcUs: startUtcUs + 1, untilUtcUs, why: "" });
  await cleaner.run();
  assert.equal(left().length, 1);
  clock.us += 5;
  await cleaner.run();
  assert.deepEqual([left(), index.locks()], [[], []]);
  await cleaner.close();
});

test("above the size limit the oldest of all paths go, never the newest of one", async () => {
  const { cleaner, left, log } = await cleaned(
    [
      ["a", 5],
      ["b", 9],
      ["b", 4],
      ["c", 7],
      ["c", 3],
    ],
    { maxSizeBytes: () => 3 * SIZE_BYTES },
  );
  await cleaner.run();
  assert.deepEqual(left(), [
    ["a", 5],
    ["b", 4],
    ["c", 3],
  ]);
  assert.deepEqual(log.lines, []);
  await cleaner.close();
});

test("free space is made; when there is nothing left to delete that is said once", async () => {
  const files = [
    ["a", 5],
    ["a", 4],
    ["a", 3],
  ] as const;
  const freed = await cleaned(files, { minFreeBytes: ({ totalBytes }) => totalBytes / 2 }, { capacityBytes: 4 * SIZE_BYTES });
  await freed.cleaner.run();
  assert.deepEqual(freed.left(), files.slice(1));
  await freed.cleaner.close();

  const short = await cleaned(files, { minFreeBytes: () => 4 * SIZE_BYTES }, { capacityBytes: 4 * SIZE_BYTES });
  await short.cleaner.run();
  await short.cleaner.run();
  assert.deepEqual(short.left(), files.slice(2));
  assert.equal(short.log.lines.length, 1);
  await short.cleaner.close();
});

test("a file that cannot be deleted is said once, and tried again", async () => {
  const { fs, cleaner, left, log } = await cleaned([["a", 30]], DAY);
  const mend = fs.failAll("EROFS", ({ kind }) => kind === "remove");
  await cleaner.run();
  await cleaner.run();
  assert.equal(log.lines.length, 1);
  mend();
  await cleaner.run();
  assert.deepEqual(left(), []);
  await cleaner.close();
});

test("it runs at start, then every half of the smallest age, half an hour at most", async () => {
  for (const [rules, periodMs] of [
    [{}, HOUR_MS / 2],
    [DAY, HOUR_MS / 2],
    [{ smallestDeleteAfterMs: () => 60_000 }, 30_000],
    [{ smallestDeleteAfterMs: () => 1 }, 1000],
    [{ minFreeBytes: ({ totalBytes }: { readonly totalBytes: number }) => totalBytes / 20 }, 60_000],
  ] as const) {
    const { cleaner, timers, fs } = await cleaned([["a", 1]], rules);
    const looks = () => fs.history.filter(({ kind, path }) => kind === "facts" && path === "/rec").length;
    const before = looks();
    cleaner.start();
    await cleaner.run();
    const afterStart = looks();
    assert.ok(afterStart > before);
    assert.deepEqual(timers.delaysMs, [periodMs]);
    timers.passMs(periodMs);
    await cleaner.run();
    assert.ok(looks() > afterStart);
    await cleaner.close();
    assert.deepEqual(timers.delaysMs, []);
  }
});

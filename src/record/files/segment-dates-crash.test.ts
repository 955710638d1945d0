// Power fails, or the medium, at every single operation while files get their true times: nothing is lost, nothing is there twice, and all is right in the end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BootedClock } from "#testing/booted-clock.ts";
import { FaultFs, type FsFault } from "#testing/fault-fs.ts";
import { FilesSite, numbersOf, readAll } from "#testing/files-site.ts";
import { readFragmentedFile } from "#testing/mp4/whole-file.ts";

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;
const SECONDS = 5;
const RECORD_PATH = "/rec/%path/%Y-%m-%d/%H-%M-%S-%f";
const SEEDS = [1, 2];

interface Site extends FilesSite {
  readonly fs: FaultFs;
  readonly clock: BootedClock;
}

async function open(fs: FaultFs, clock: BootedClock): Promise<Site> {
  return (await FilesSite.open({ fs, clock, recordPath: RECORD_PATH, store: { segmentDurationMs: 2000 } })) as Site;
}

/** Five seconds in three files by an unset clock; the last one is still open when the clock is set. */
async function recorded(fs: FaultFs): Promise<Site> {
  const site = await open(fs, new BootedClock());
  await site.store.open(site.run());
  await site.record(SECONDS);
  site.timers.passMs(1000);
  await site.settled();
  assert.equal(site.stored.length, SECONDS);
  site.clock.learn(NOON_US + (SECONDS + 1) * 1e6);
  return site;
}

async function settled(site: Site): Promise<void> {
  await site.index.dates.settleAll();
  await site.store.close();
}

/** Everything is there, once, at its time; with `named`, under its name too. */
async function assertRight(site: Site, what: string, named: boolean): Promise<void> {
  const spans = await site.index.spans("cam");
  assert.deepEqual(
    spans.map(({ startUtcUs, durationUs, timeQuality }) => [startUtcUs, durationUs, timeQuality]),
    [[NOON_US, SECONDS * 1e6, "ntp"]],
    what,
  );
  const numbers = (await readAll(site.index)).flatMap(({ fragments }) => numbersOf(fragments));
  assert.deepEqual(
    numbers,
    Array.from({ length: SECONDS * 25 }, (_, i) => i),
    what,
  );
  if (!named) return;
  const files = site.index.catalog.of("cam").map(({ file }) => file);
  assert.deepEqual(
    files,
    ["12-00-00-000000", "12-00-02-000000", "12-00-04-000000"].map((name) => `/rec/cam/2026-03-01/${name}.mp4`),
    what,
  );
  for (const [i, file] of files.entries()) {
    const { init } = readFragmentedFile(site.fs.bytesOf(file)!)!;
    assert.deepEqual([init.mtxi?.startNtpUs, init.durationMs > 0], [NOON_US + i * 2e6, true], what);
  }
  const left = (await site.fs.list("/rec/cam/1970-01-01")) ?? [];
  assert.deepEqual(left, [], what);
}

test("power fails at any operation, and again at any operation of the start after it", async () => {
  for (let n = 1; ; n++) {
    for (const seed of SEEDS) {
      const site = await recorded(new FaultFs());
      site.fs.failAt(n, "crash");
      await settled(site);
      if (!site.fs.isDead) {
        assert.ok(n > 30, `${n} operations`);
        await assertRight(await open(site.fs.crash(seed), site.clock.restart()), "no fault", true);
        return;
      }
      const what = `operation ${n}, seed ${seed}`;
      const torn = site.fs.crash(seed);
      // The next one does not get to its end, either.
      const second = await open(torn, site.clock.restart()).catch(() => undefined);
      torn.failAt((n % 17) + 1, "crash");
      await second?.index.dates.settleAll();
      const last = await open(torn.crash(seed), site.clock.restart());
      await assertRight(last, what, false);
      await last.index.dates.settleAll();
      await assertRight(last, what, true);
      await last.index.catalog.lookEverywhere();
      await assertRight(last, what, true);
      assert.equal(await last.fs.facts("/data/recordings-to-date"), undefined, what);
    }
  }
});

for (const fault of ["EIO", "ENOSPC", "EROFS", "short"] as const satisfies readonly FsFault[]) {
  test(`any operation fails once with ${fault}: the next time it is made good`, async () => {
    for (let n = 1; ; n++) {
      const site = await recorded(new FaultFs());
      const before = site.fs.history.length;
      site.fs.failAt(n, fault);
      await site.index.dates.settleAll();
      const wasReached = site.fs.history.length - before >= n;
      await assertRight(site, `operation ${n}`, false);
      await site.index.dates.settleAll();
      await site.store.close();
      await assertRight(site, `operation ${n}`, true);
      assert.deepEqual(site.faults, []);
      const opened = site.fs.history.filter(({ kind, error }) => kind === "open" && error === undefined).length;
      assert.equal(opened, site.fs.history.filter(({ kind }) => kind === "close").length, `operation ${n}: a file is left open`);
      if (!wasReached) return;
    }
  });
}

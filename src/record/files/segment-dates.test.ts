// Files that were named by a wrong clock: their times are right as soon as the clock is, and then their names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ANCHOR_FLAGS } from "#base/clock-anchor.ts";
import { BootedClock } from "#testing/booted-clock.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { FilesSite, type FilesSiteOptions, numbersOf, readAll } from "#testing/files-site.ts";
import { readFragmentedFile } from "#testing/mp4/whole-file.ts";
import { Cleaner } from "./cleaner.ts";

const NOON_US = Date.UTC(2026, 2, 1, 12) * 1000;
const HOUR_US = 3600e6;
const MARK = "/data/recordings-to-date";

interface Site extends FilesSite {
  readonly fs: FaultFs;
  readonly clock: BootedClock;
}

async function siteOf(options: FilesSiteOptions & { readonly clock: BootedClock }): Promise<Site> {
  return (await FilesSite.open({ ...options, fs: options.fs ?? new FaultFs() })) as Site;
}

/** Four seconds in two files, by a clock that knows nothing. */
async function recordedUnset(options: Partial<FilesSiteOptions> & { readonly clock?: BootedClock } = {}): Promise<Site> {
  const site = await siteOf({ clock: new BootedClock(), ...options });
  await site.store.open(site.run());
  await site.record(4);
  await site.store.close();
  return site;
}

function namesOf(site: FilesSite): readonly string[] {
  return site.index.catalog.of("cam").map(({ file }) => file);
}

/** What the list says, in seconds. */
async function listOf(site: FilesSite, sinceUs = 0): Promise<readonly (readonly [atS: number, durationS: number, quality: string])[]> {
  const spans = await site.index.spans("cam");
  return spans.map(({ startUtcUs, durationUs, timeQuality }) => [(startUtcUs - sinceUs) / 1e6, durationUs / 1e6, timeQuality]);
}

function ntpOf(site: Site, file: string): number | undefined {
  return readFragmentedFile(site.fs.bytesOf(file)!)!.init.mtxi?.startNtpUs;
}

const nameAt = (text: string) => `/rec/cam/${text}.mp4`;

test("the list is right at once, the names follow, and nothing else changes", async () => {
  const site = await recordedUnset();
  assert.deepEqual(await listOf(site), [[1, 4, "none"]]);
  assert.deepEqual(namesOf(site), [nameAt("1970-01-01_00-00-01-000000"), nameAt("1970-01-01_00-00-04-000000")]);
  const before = namesOf(site).map((file) => site.fs.bytesOf(file)!);
  site.clock.learn(NOON_US);
  assert.deepEqual(await listOf(site, NOON_US), [[-4, 4, "ntp"]]);
  assert.deepEqual(
    (await site.index.segments("cam")).map(({ startUtcUs }) => startUtcUs - NOON_US),
    [-4e6, -1e6],
  );
  assert.ok(namesOf(site).every((file) => file.includes("1970")));

  await site.index.dates.settleAll();
  const names = [nameAt("2026-03-01_11-59-56-000000"), nameAt("2026-03-01_11-59-59-000000")];
  assert.deepEqual(namesOf(site), names);
  assert.deepEqual(await site.fs.list("/rec/cam"), names.map((name) => ({ name: name.slice(9), isFolder: false })).toSorted());
  for (const [i, file] of names.entries()) {
    const after = site.fs.durableBytesOf(file)!;
    assert.equal(ntpOf(site, file), NOON_US + (i === 0 ? -4e6 : -1e6));
    const { init } = readFragmentedFile(after)!;
    assert.deepEqual(
      Buffer.concat([after.subarray(0, init.ntpOffset), after.subarray(init.ntpOffset! + 8)]),
      without(before[i]!, init.ntpOffset!),
    );
  }
  assert.equal(await site.fs.facts(MARK), undefined);
  await site.index.catalog.lookEverywhere();
  assert.deepEqual(namesOf(site), names);
  assert.deepEqual(await listOf(site, NOON_US), [[-4, 4, "ntp"]]);
  assert.deepEqual(await listOf(await siteOf({ fs: site.fs, clock: site.clock.restart() }), NOON_US), [[-4, 4, "ntp"]]);
  const read = await readAll(site.index);
  assert.deepEqual(
    read.map(({ footage, fragments }) => [footage.epochUtcUs - NOON_US, footage.timeQuality, numbersOf(fragments).length]),
    [[-4e6, "ntp", 100]],
  );
});

function without(bytes: Buffer, offset: number): Buffer {
  return Buffer.concat([bytes.subarray(0, offset), bytes.subarray(offset + 8)]);
}

test("while the clock knows nothing better, nothing is renamed", async () => {
  const site = await recordedUnset();
  const names = namesOf(site);
  for (const quality of ["none", "est"] as const) {
    site.clock.learn(NOON_US, quality);
    await site.index.dates.settleAll();
    assert.deepEqual(namesOf(site), names, quality);
  }
  assert.deepEqual(await listOf(site, NOON_US), [[-4, 4, "est"]], "it is listed by the best that is known");
  assert.notEqual(await site.fs.facts(MARK), undefined);
});

test("a file that is being recorded ends at the next keyframe and has its true name then; the recording goes on", async () => {
  const site = await siteOf({ clock: new BootedClock(), store: { segmentDurationMs: 60_000 } });
  await site.store.open(site.run());
  await site.record(2);
  site.clock.learn(NOON_US);
  assert.deepEqual(await listOf(site, NOON_US), [[-2, 2, "ntp"]]);
  await site.record(2);
  const names = [nameAt("2026-03-01_11-59-58-000000"), nameAt("2026-03-01_12-00-00-000000")];
  assert.deepEqual(namesOf(site), names);
  await site.store.close();
  assert.deepEqual(site.hooks, [
    `create: ${nameAt("1970-01-01_00-00-01-000000")}`,
    `complete: ${names[0]} 2`,
    `create: ${names[1]}`,
    `complete: ${names[1]} 2`,
  ]);
  assert.deepEqual(await listOf(site, NOON_US), [[-2, 4, "ntp"]], "one recording");
  assert.deepEqual(
    (await readAll(site.index)).map(({ fragments }) => numbersOf(fragments).length),
    [100],
  );
});

test("a file whose name is off by less than seconds gets the true one when it is complete", async () => {
  const clock = new BootedClock();
  clock.learn(NOON_US, "rtc");
  const site = await siteOf({ clock, store: { segmentDurationMs: 60_000 } });
  await site.store.open(site.run());
  await site.record(2);
  site.clock.learn(NOON_US + 2.3e6, "ntp");
  await site.record(1);
  assert.deepEqual(namesOf(site), [nameAt("2026-03-01_12-00-00-000000")]);
  assert.deepEqual(await listOf(site, NOON_US), [[0.3, 3, "ntp"]]);
  await site.store.close();
  assert.deepEqual(namesOf(site), [nameAt("2026-03-01_12-00-00-300000")]);
  assert.deepEqual(site.hooks.at(-1), `complete: ${nameAt("2026-03-01_12-00-00-300000")} 3`);
});

test("what is right within a few milliseconds keeps its name", async () => {
  const clock = new BootedClock();
  clock.learn(NOON_US, "rtc");
  const site = await recordedUnset({ clock });
  const names = namesOf(site);
  site.clock.learn(NOON_US + 4.04e6, "ntp");
  await site.index.dates.settleAll();
  assert.deepEqual(namesOf(site), names);
  assert.deepEqual(
    (await site.index.segments("cam")).map(({ startUtcUs }) => startUtcUs),
    [NOON_US, NOON_US + 3e6],
  );
});

test("power fails before the clock is set: the next start finds the files, wherever their names put them", async () => {
  // A clock that went on from when the device was switched off: its names look like any others.
  const clock = new BootedClock();
  clock.learn(NOON_US - 100 * HOUR_US, "est");
  const site = await recordedUnset({ clock });
  assert.notEqual(await site.fs.facts(MARK), undefined);
  const next = await siteOf({ fs: site.fs.crash(1), clock: site.clock.boot() });
  next.clock.learn(NOON_US, "ntp");
  const [[atS, durationS, quality] = []] = await listOf(next, NOON_US - 100 * HOUR_US);
  assert.deepEqual([atS, durationS, quality], [0, 4, "est"]);

  // In the same boot the clock is set: only the stamp can tell.
  const again = await siteOf({ fs: next.fs.crash(2), clock: site.clock.restart() });
  again.clock.learn(NOON_US, "ntp");
  assert.deepEqual(await listOf(again, NOON_US), [[-4, 4, "ntp"]]);
  await again.index.dates.settleAll();
  assert.deepEqual(namesOf(again), [nameAt("2026-03-01_11-59-56-000000"), nameAt("2026-03-01_11-59-59-000000")]);
  assert.equal(await again.fs.facts(MARK), undefined);
});

test("files of a boot that was never set are placed behind the boot before, and named so once this one is", async () => {
  const first = new BootedClock();
  first.learn(NOON_US, "ntp");
  const site = await recordedUnset({ clock: first });
  const second = await recordedUnset({ fs: site.fs, clock: site.clock.boot() });
  const third = await siteOf({ fs: site.fs, clock: second.clock.boot() });
  third.clock.learn(NOON_US + HOUR_US);
  const list = await listOf(third, NOON_US);
  assert.deepEqual(list[0], [0, 4, "ntp"]);
  assert.deepEqual([list[1]![1], list[1]![2]], [4, "est"]);
  assert.ok(list[1]![0] >= 4 && list[1]![0] < 10, `${list[1]![0]} s after noon`);
  await third.index.dates.settleAll();
  assert.ok(
    namesOf(third).every((file) => file.includes("2026-03-01_12-00")),
    namesOf(third).join(),
  );
});

test("with the clock's memory lost, names stand", async () => {
  const site = await recordedUnset();
  const names = namesOf(site);
  const next = await siteOf({ fs: site.fs, clock: site.clock.boot({ forget: true }) });
  next.clock.learn(NOON_US);
  await next.index.dates.settleAll();
  assert.deepEqual(namesOf(next), names);
  assert.deepEqual(await listOf(next), [[1, 4, "none"]]);
  assert.equal(await next.fs.facts(MARK), undefined, "nothing is left to be done");
});

test("files that have the names already are left alone", async () => {
  const site = await recordedUnset();
  const foreign = nameAt("2026-03-01_11-59-56-000000");
  const file = await site.fs.open(foreign, "create-new");
  await file.write([Buffer.from("foreign")], 0);
  await file.close();
  site.clock.learn(NOON_US);
  await site.index.dates.settleAll();
  assert.equal(site.fs.bytesOf(foreign)?.toString(), "foreign");
  assert.ok(namesOf(site).includes(nameAt("2026-03-01_11-59-56-000001")));
  assert.deepEqual(await listOf(site, NOON_US), [[-4, 4, "ntp"]]);
  const names = namesOf(site);
  await site.index.dates.settleAll();
  assert.deepEqual(namesOf(site), names);
});

test("a file that is read keeps its name until it is not", async () => {
  const site = await recordedUnset();
  const names = namesOf(site);
  const { signal } = new AbortController();
  site.clock.learn(NOON_US);
  for await (const footage of site.index.read("cam", 0, 4e15, signal)) {
    for await (const _ of footage.fragments(signal)) {
      await site.index.dates.settleAll();
      assert.deepEqual(namesOf(site), names);
    }
  }
  await site.settled();
  assert.ok(namesOf(site).every((file) => file.includes("2026")));
});

test("names in folders by date move to another folder, with names to the second", async () => {
  const recordPath = "/rec/%path/%Y-%m-%d/%H-%M-%S";
  const site = await recordedUnset({ recordPath });
  site.clock.learn(NOON_US + 900_000);
  await site.index.dates.settleAll();
  assert.deepEqual(namesOf(site), ["/rec/cam/2026-03-01/11-59-56.mp4", "/rec/cam/2026-03-01/11-59-59.mp4"]);
  assert.deepEqual(await listOf(site, NOON_US), [[-3.1, 4, "ntp"]]);
  await site.index.dates.settleAll();
  assert.deepEqual(namesOf(site), ["/rec/cam/2026-03-01/11-59-56.mp4", "/rec/cam/2026-03-01/11-59-59.mp4"]);
  await site.index.catalog.lookEverywhere();
  assert.deepEqual(site.index.catalog.emptyFolders("/rec"), ["/rec/cam/1970-01-01"]);
});

test("MPEG-TS: the first packet tells, after a start too", async () => {
  const site = await recordedUnset({ store: { recordFormat: "mpegts" } });
  const next = await siteOf({ fs: site.fs.crash(1), clock: site.clock.restart(), store: { recordFormat: "mpegts" } });
  next.clock.learn(NOON_US);
  assert.deepEqual(
    (await next.index.segments("cam")).map(({ startUtcUs }) => startUtcUs - NOON_US),
    [-4e6, -1e6],
  );
  await next.index.dates.settleAll();
  assert.deepEqual(
    namesOf(next),
    ["2026-03-01_11-59-56-000000", "2026-03-01_11-59-59-000000"].map((name) => `/rec/cam/${name}.ts`),
  );
});

test("times of a camera's own clock stay as they are", async () => {
  const site = await siteOf({ clock: new BootedClock(), store: { senderClock: true } });
  await site.store.open(site.run());
  site.store.append({ ...site.fragment(), senderUtcUs: NOON_US - HOUR_US });
  await site.settled();
  await site.store.close();
  site.clock.learn(NOON_US);
  await site.index.dates.settleAll();
  assert.deepEqual(namesOf(site), [nameAt("2026-03-01_11-00-00-000000")]);
  assert.deepEqual(await listOf(site, NOON_US), [[-3600, 1, "ntp"]]);
});

test("what was locked by a wrong time stays locked", async () => {
  const site = await recordedUnset();
  const lock = await site.index.lock({ path: "cam", fromUtcUs: 1e6, toUtcUs: 2e6, why: "test" });
  site.clock.learn(NOON_US);
  const locked = (index: FilesSite["index"]) => index.catalog.of("cam").map((segment) => index.isLocked(segment));
  assert.deepEqual(locked(site.index), [true, false]);
  assert.ok(lock.sizeBytes > 0);
  await site.index.dates.settleAll();
  assert.deepEqual(locked(site.index), [true, false]);
  const next = await siteOf({ fs: site.fs, clock: site.clock.restart() });
  await next.index.spans("cam");
  assert.deepEqual(locked(next.index), [true, false]);
  assert.equal(next.index.locks()[0]?.sizeBytes, lock.sizeBytes);
});

test("what is locked while it is recorded is locked up to the end that was asked for, whatever the clock says then", async () => {
  const site = await siteOf({ clock: new BootedClock(), store: { segmentDurationMs: 1000 } });
  await site.store.open(site.run());
  await site.record(2);
  await site.index.lock({ path: "cam", fromUtcUs: 2.5e6, toUtcUs: 4.5e6, why: "test" });
  site.clock.learn(NOON_US);
  await site.record(4);
  await site.store.close();
  assert.deepEqual(
    site.index.catalog.of("cam").map((segment) => site.index.isLocked(segment)),
    [false, true, true, true, false, false],
  );
});

test("the cleaner goes by the true time: it neither deletes what looks old, nor what may be younger", async () => {
  const clock = new BootedClock();
  clock.learn(NOON_US - 10_000 * HOUR_US, "est"); // a battery that is empty
  const site = await recordedUnset({ clock });
  const next = await siteOf({ fs: site.fs.crash(1), clock: site.clock.restart() });
  next.clock.learn(NOON_US);
  const cleaner = new Cleaner({
    fs: next.fs,
    clock: next.clock,
    log: next.log,
    index: next.index,
    schedule: next.timers.schedule,
    rules: {
      deleteAfterMs: () => 3600_000,
      smallestDeleteAfterMs: () => 3600_000,
      maxSizeBytes: () => 0,
      minFreeBytes: () => 0,
    },
  });
  await cleaner.run();
  assert.deepEqual(namesOf(next), [nameAt("2026-03-01_11-59-56-000000"), nameAt("2026-03-01_11-59-59-000000")]);
  next.clock.us += 2 * HOUR_US;
  await cleaner.run();
  assert.deepEqual(namesOf(next), []);
  await cleaner.close();
});

test("a camera whose clock is fast: every frame has its time, in one recording", async () => {
  const clock = new BootedClock();
  clock.learn(NOON_US);
  const site = await siteOf({ clock, store: { segmentDurationMs: 3_600_000 } });
  await site.store.open(site.run());
  const seconds = 900;
  for (let i = 0; i < seconds; i++) {
    const fragment = site.fragment();
    site.store.append({ ...fragment, captureUs: fragment.captureUs - i * 500 }); // 500 ppm
    await site.settled();
  }
  await site.store.close();
  for (const one of [site, await siteOf({ fs: site.fs, clock: site.clock.restart() })]) {
    const read = await readAll(one.index);
    assert.ok(read.length > 1 && new Set(read.map(({ footage }) => footage.runId)).size === 1);
    let frames = 0;
    for (const { footage, fragments } of read) {
      for (const { samples } of fragments) {
        for (const { dtsTicks } of samples[0]!.samples) {
          const atUs = (dtsTicks * 1e6) / 90_000;
          const trueUtcUs = NOON_US + atUs - Math.floor(atUs / 1e6) * 500;
          const errorUs = footage.epochUtcUs + atUs - trueUtcUs;
          assert.ok(Math.abs(errorUs) < 90_000, `${errorUs} µs at ${atUs / 1e6} s`);
          frames++;
        }
      }
    }
    assert.equal(frames, seconds * 25);
    const spans = await one.index.spans("cam");
    assert.equal(spans.length, 1);
    assert.ok(Math.abs(spans[0]!.durationUs - (seconds * 1e6 - seconds * 500)) < 50_000);
  }
});

for (const [how, byUs] of [
  ["back", -HOUR_US],
  ["forward", HOUR_US],
] as const) {
  test(`the clock is set ${how} within a file: two spans with their own times, after a start too`, async () => {
    const clock = new BootedClock();
    clock.learn(NOON_US);
    const site = await siteOf({ clock, store: { segmentDurationMs: 60_000 } });
    await site.store.open(site.run());
    await site.record(3);
    // In the middle of a second that is on its way.
    const fragment = site.fragment();
    site.clock.us -= 400_000;
    site.clock.learn(NOON_US + 3.6e6 + byUs, "ntp", ANCHOR_FLAGS.step);
    site.clock.us += 400_000;
    site.store.append(fragment);
    await site.settled();
    await site.record(2);
    await site.store.close();
    const expected = [
      [0, 3.6, "ntp"],
      [3.6 + byUs / 1e6, 0.4, "ntp"],
      [4 + byUs / 1e6, 2, "ntp"],
    ].toSorted((one, other) => (one[0] as number) - (other[0] as number));
    for (const one of [site, await siteOf({ fs: site.fs, clock: site.clock.restart() })]) {
      const list = [...(await listOf(one, NOON_US))].toSorted((one, other) => one[0] - other[0]);
      assert.deepEqual(list, expected);
      const spans = await one.index.spans("cam");
      assert.ok(spans.every(({ gapBefore }, i) => i === 0 || gapBefore === undefined || gapBefore === "off"));
      const [jump] = await readAll(one.index, "cam", NOON_US + 3.6e6 + byUs, NOON_US + 3.9e6 + byUs);
      assert.equal(jump?.footage.epochUtcUs, NOON_US + byUs);
      assert.deepEqual(
        numbersOf(jump!.fragments),
        Array.from({ length: 25 }, (_, i) => 75 + i),
      );
    }
  });
}

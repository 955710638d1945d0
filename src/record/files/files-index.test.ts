import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { NodeFs } from "#base/node-fs.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import type { FaultFs } from "#testing/fault-fs.ts";
import { FilesSite, type FilesSiteOptions, numbersOf, readAll } from "#testing/files-site.ts";
import { readFragmentedFile } from "#testing/mp4/whole-file.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { FilesIndex } from "./files-index.ts";

const testdata = (name: string) => fileURLToPath(new URL(`../../containers/fmp4/testdata/mediamtx-${name}.mp4`, import.meta.url));

interface Folder {
  readonly root: string;
  readonly clock: FakeClock;
  readonly log: ReturnType<typeof collectedLog>;
  open(): Promise<FilesIndex>;
}

/** An index over a folder of the disk. Its files are named in UTC. */
async function folderOf(t: TestContext): Promise<Folder> {
  const folder = await temporaryFolder(t);
  const root = join(folder, "rec");
  const [clock, log] = [new FakeClock(), collectedLog()];
  await mkdir(join(root, "cam"), { recursive: true });
  const recordPath = `${root}/%path/%Y-%m-%d_%H-%M-%S-%f`;
  return {
    root,
    clock,
    log,
    open: () => {
      const places = [{ recordPath, recordFormat: "fmp4", owns: (path: string) => !path.startsWith("alien") }] as const;
      return FilesIndex.open({ fs: new NodeFs(), clock, log, places, zone: () => 0, dataDirectory: join(folder, "data") });
    },
  };
}

/** A recording of seven seconds in three files, and an index that was opened after it. */
async function recorded(options: FilesSiteOptions = {}, seconds = 7): Promise<FilesSite & { readonly fs: FaultFs }> {
  const site = await FilesSite.open(options);
  await site.store.open(site.run());
  await site.record(seconds);
  await site.store.close();
  return reopened(site);
}

async function reopened(site: FilesSite): Promise<FilesSite & { readonly fs: FaultFs }> {
  return (await FilesSite.open({ fs: site.fs, clock: site.clock })) as FilesSite & { readonly fs: FaultFs };
}

test("files of one stream are one span, before and after a start", async () => {
  const site = await FilesSite.open();
  await site.store.open(site.run());
  await site.record(7);
  const startUtcUs = site.utcUs(1_000_000);
  const span = { path: "cam", startUtcUs, durationUs: 7e6, timeErrorMs: undefined, gapBefore: undefined, locked: false };
  const open = await site.index.spans("cam");
  assert.deepEqual(open, [{ ...span, timeQuality: "ntp", open: true, sizeBytes: open[0]!.sizeBytes }]);
  await site.store.close();
  const { index } = await reopened(site);
  const spans = await index.spans("cam");
  const sizes = (await index.segments("cam")).map(({ sizeBytes }) => sizeBytes);
  assert.deepEqual(spans, [{ ...span, timeQuality: "ntp", open: false, sizeBytes: sizes.reduce((sum, size) => sum + size) }]);
  assert.deepEqual(await index.paths(), ["cam"]);
  assert.deepEqual(await index.spans("other"), []);
});

test("spans are clipped, and counted from an offset", async () => {
  const site = await recorded();
  await site.store.open(site.run("off"));
  site.clock.us += 10e6;
  await site.store.open(site.run("off"));
  await site.record(2);
  await site.store.close();
  const at = (seconds: number) => site.utcUs(1_000_000 + seconds * 1e6);
  const told = async (query: Parameters<FilesIndex["spans"]>[1]) =>
    (await site.index.spans("cam", query)).map(({ startUtcUs, durationUs, gapBefore }) => [
      (startUtcUs - at(0)) / 1e6,
      durationUs / 1e6,
      gapBefore,
    ]);
  const [first, second] = [
    [0, 7, undefined],
    [17, 2, "off"],
  ];
  assert.deepEqual(await told({}), [first, second]);
  assert.deepEqual(await told({ offset: 1 }), [second]);
  assert.deepEqual(await told({ limit: 1 }), [first]);
  assert.deepEqual(await told({ fromUtcUs: at(4), toUtcUs: at(6.5) }), [[4, 2.5, undefined]]);
  assert.deepEqual(await told({ fromUtcUs: at(5) }), [[5, 2, undefined], second]);
  assert.deepEqual(await told({ fromUtcUs: at(8), toUtcUs: at(17) }), []);
  assert.deepEqual(await told({ fromUtcUs: at(18) }), [[18, 1, undefined]]);
  const sizes = await Promise.all([
    site.index.spans("cam", { toUtcUs: at(1.5) }),
    site.index.spans("cam", { fromUtcUs: at(1.5), toUtcUs: at(3) }),
  ]);
  const [whole] = await site.index.segments("cam");
  assert.ok(Math.abs(sizes[0][0]!.sizeBytes + sizes[1][0]!.sizeBytes - whole!.sizeBytes) <= 1);
});

test("footage of a recording is read across its files, from the keyframe before", async () => {
  const site = await recorded({ audio: true });
  const all = await readAll(site.index);
  assert.equal(all.length, 1);
  const { footage, fragments } = all[0]!;
  assert.deepEqual(
    numbersOf(fragments),
    Array.from({ length: 175 }, (_, i) => i),
  );
  assert.deepEqual(
    fragments.flatMap(({ samples }) => samples[0]!.samples.map(({ dtsTicks }) => dtsTicks)),
    Array.from({ length: 175 }, (_, i) => i * 3600),
  );
  assert.equal(footage.epochUtcUs, site.utcUs(1_000_000));
  assert.ok(fragments.every(({ gap }) => !gap));

  const from = footage.epochUtcUs + 4.5e6;
  const [part, ...others] = await readAll(site.index, "cam", from, from + 1e6);
  assert.equal(others.length, 0);
  assert.deepEqual(
    numbersOf(part!.fragments),
    Array.from({ length: 50 }, (_, i) => 100 + i),
  );
  assert.equal(part!.footage.epochUtcUs, footage.epochUtcUs);
  assert.equal(part!.footage.runId, footage.runId);
  assert.equal(part!.fragments[0]?.samples[1]?.samples[0]?.dtsTicks, 32_000);
  assert.deepEqual(await readAll(site.index, "cam", footage.epochUtcUs + 7e6, footage.epochUtcUs + 9e6), []);
});

test("what is being recorded can be read up to now", async () => {
  const site = await FilesSite.open();
  await site.store.open(site.run());
  await site.record(5);
  assert.equal(numbersOf((await readAll(site.index)).flatMap(({ fragments }) => fragments)).length, 125);
  await site.store.close();
});

test("reading ends when nobody wants it, and the files are free again", async () => {
  const site = await recorded();
  const stop = new AbortController();
  let fragments = 0;
  for await (const footage of site.index.read("cam", 0, 4e15, stop.signal)) {
    assert.ok(site.index.catalog.of("cam").every(({ readers }) => readers === 1));
    for await (const _ of footage.fragments(stop.signal)) if (++fragments === 2) stop.abort();
  }
  assert.equal(fragments, 2);
  assert.ok(site.index.catalog.of("cam").every(({ readers }) => readers === 0));
  assert.ok(site.fs.history.filter(({ kind }) => kind === "open").length === site.fs.history.filter(({ kind }) => kind === "close").length);
});

test("a file that cannot be read is left out, said once, and makes a gap", async () => {
  const site = await recorded();
  const [, second] = site.index.catalog.of("cam");
  const file = await site.fs.open(second!.file, "update");
  await file.write([Buffer.alloc(200)], 0);
  await file.close();
  const { index, log } = await reopened(site);
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(
      (await index.spans("cam")).map(({ durationUs }) => durationUs),
      [3e6, 1e6],
    );
  }
  assert.equal(log.lines.length, 1);
  assert.deepEqual(
    (await readAll(index)).map(({ fragments }) => numbersOf(fragments).length),
    [75, 25],
  );
});

test("a fragment that cannot be read is left out, and the next one says so", async () => {
  const site = await recorded();
  const [{ file: path } = { file: "" }] = site.index.catalog.of("cam");
  const { places } = readFragmentedFile(site.fs.bytesOf(path)!)!;
  const file = await site.fs.open(path, "update");
  await file.write([Buffer.alloc(40)], places[1]!.moofOffset + 24); // its traf
  await file.close();
  const [{ fragments } = { fragments: [] }] = await readAll(site.index);
  assert.deepEqual(
    fragments.map(({ gap }) => gap),
    [false, true, false, false, false, false],
  );
  site.fs.failAt(1, "EIO", ({ kind, path: read }) => kind === "read" && read === path);
  const torn = await readAll(site.index);
  assert.deepEqual(
    torn.map((one) => one.fragments.length),
    [4],
  );
});

test("files of MediaMTX: spans, footage, times", async (t) => {
  const { root, open, log } = await folderOf(t);
  for (const [name, start] of [
    ["h264-aac", "20-21-49-434018"],
    ["h265-opus", "20-31-49-782077"],
    ["mjpeg-lpcm", "20-41-48-929899"],
  ] as const) {
    await copyFile(testdata(name), join(root, "cam", `2026-11-22_${start}.mp4`));
  }
  const index = await open();
  const spans = await index.spans("cam");
  assert.deepEqual(
    spans.map(({ startUtcUs, gapBefore }) => [new Date(startUtcUs / 1000).toISOString(), gapBefore]),
    [
      ["2026-11-22T20:21:49.434Z", undefined],
      ["2026-11-22T20:31:49.782Z", "off"],
      ["2026-11-22T20:41:48.929Z", "off"],
    ],
  );
  assert.ok(spans.every(({ durationUs }) => durationUs > 0.9e6 && durationUs < 4e6));
  const read = await readAll(index);
  assert.deepEqual(
    read.map(({ footage, fragments }) => [
      footage.tracks.map(({ parameters }) => parameters.codec),
      fragments.flatMap(({ samples }) => samples).reduce((sum, { samples }) => sum + samples.length, 0),
    ]),
    [
      [["h264", "aac"], 65],
      [["h265", "opus"], 189],
      [["mjpeg", "lpcm"], 28],
    ],
  );
  const [{ footage, fragments } = { footage: undefined, fragments: [] }] = read;
  const first = fragments[0]!.samples[0]!.samples[0]!;
  assert.equal(Math.round(footage!.epochUtcUs + (first.dtsTicks / 90_000) * 1e6), spans[0]!.startUtcUs);
  // From the second keyframe on, wherever in MediaMTX's part it stands.
  const [later] = await readAll(index, "cam", spans[0]!.startUtcUs + 1.2e6, spans[0]!.startUtcUs + 1.3e6);
  assert.equal(later?.fragments[0]?.samples.find(({ trackIndex }) => trackIndex === 0)?.samples[0]?.keyframe, true);
  assert.ok(later.fragments.length < fragments.length);
  assert.deepEqual(log.lines, []);
});

test("files without mtxi go on with each other within a second, with the same tracks", async (t) => {
  const { root, open } = await folderOf(t);
  const legacy = Buffer.from(await readFile(testdata("h264-aac")));
  legacy.write("none", legacy.indexOf("mtxi"), "latin1");
  const { durationMs } = readFragmentedFile(legacy)!.init;
  const nameAt = (ms: number) =>
    join(root, "cam", `${new Date(ms).toISOString().replace("T", "_").replaceAll(":", "-").replace(".", "-").replace("Z", "000")}.mp4`);
  const start = Date.UTC(2026, 0, 1);
  for (const at of [0, durationMs + 900, 2 * durationMs + 2000]) await writeFile(nameAt(start + Math.round(at)), legacy);
  const index = await open();
  assert.deepEqual(
    (await index.spans("cam")).map(({ durationUs }) => Math.round(durationUs / 1000)),
    [Math.round(2 * durationMs + 900), Math.round(durationMs)],
  );
  const [joined] = await readAll(index);
  assert.equal(joined?.footage.epochUtcUs, start * 1000);
});

test("a file that was cut off is mended at start; those of others, and what is no recording, are left alone", async (t) => {
  const { root, open, log } = await folderOf(t);
  const killed = join(root, "cam", "2026-11-22_20-21-54-794152.mp4");
  const bytes = await readFile(testdata("killed"));
  const { places, init } = readFragmentedFile(bytes)!;
  const foreign = Buffer.from(bytes);
  foreign.write("none", foreign.indexOf("mtxi"), "latin1");
  foreign.write("XXXX", 8, "latin1"); // another brand
  const untouched = {
    [join(root, "foreign", "2026-11-22_20-21-54-794152.mp4")]: foreign,
    [join(root, "text", "2026-11-22_20-21-54-794152.mp4")]: Buffer.from("this is no recording"),
    [join(root, "empty", "2026-11-22_20-21-54-794152.mp4")]: Buffer.alloc(0),
    [join(root, "alien", "2026-11-22_20-21-54-794152.mp4")]: bytes.subarray(0, -10),
    [join(root, "cam", "notes.mp4")]: Buffer.from("mine"),
  };
  for (const folder of ["foreign", "text", "empty", "alien", "headonly"]) await mkdir(join(root, folder));
  for (const [file, content] of Object.entries(untouched)) await writeFile(file, content);
  await writeFile(killed, bytes);
  await truncate(killed, places.at(-1)!.endOffset - 7);
  await writeFile(join(root, "headonly", "2026-11-22_20-21-54-794152.mp4"), bytes.subarray(0, init.endOffset + 100));
  const index = await open();

  const mended = readFragmentedFile(await readFile(killed))!;
  assert.deepEqual([mended.places.length, mended.places.at(-1)?.whole], [places.length - 1, true]);
  assert.equal((await readFile(killed)).length, places.at(-2)!.endOffset);
  const [span] = await index.spans("cam");
  assert.ok(mended.init.durationMs > 0 && Math.abs(mended.init.durationMs - span!.durationUs / 1000) < 1);
  for (const [file, content] of Object.entries(untouched)) assert.ok((await readFile(file)).equals(content), file);
  assert.deepEqual(await index.paths(), ["cam", "empty", "foreign", "text"]);
  assert.deepEqual(await index.spans("text"), []);
  assert.equal(log.lines.filter((line) => line.includes("left alone")).length, 3);
  const repeated = await readFile(killed);
  await open();
  assert.ok((await readFile(killed)).equals(repeated));
});

test("what others add and delete is noticed", async (t) => {
  const { root, open, clock } = await folderOf(t);
  const name = (hour: number) => join(root, "cam", `2026-11-22_${hour}-21-49-434018.mp4`);
  await copyFile(testdata("h264-aac"), name(10));
  await copyFile(testdata("h264-aac"), name(11));
  const index = await open();
  const changes: string[] = [];
  const stop = new AbortController();
  index.onChange((path) => changes.push(path), stop.signal);
  const starts = async () => (await index.segments("cam")).map(({ startUtcUs }) => new Date(startUtcUs / 1000).getUTCHours());
  assert.deepEqual(await starts(), [10, 11]);
  await copyFile(testdata("h264-aac"), name(12));
  await rm(name(10));
  clock.us += 6e6;
  assert.deepEqual(await starts(), [11, 12]);
  assert.deepEqual([...new Set(changes)], ["cam"]);
  // A folder whose time stands still for long is not looked into again.
  const long = new Date(Date.now() - 60_000);
  await utimes(join(root, "cam"), long, long);
  clock.us += 6e6;
  await starts();
  await rm(name(11));
  await utimes(join(root, "cam"), long, long);
  clock.us += 6e6;
  assert.deepEqual(await starts(), [11, 12]);
  await rm(join(root, "cam"), { recursive: true });
  await mkdir(join(root, "new"));
  await copyFile(testdata("h264-aac"), join(root, "new", "2026-11-22_13-21-49-434018.mp4"));
  clock.us += 6e6;
  assert.deepEqual(await index.paths(), ["new"]);
  stop.abort();
});

test("a name in the last hour of summer time means what the head says", async (t) => {
  const { root, clock, log } = await folderOf(t);
  const transition = Date.UTC(2026, 10, 22, 20, 0); // local clocks go from 21 to 20 o'clock
  const zone = (utcMs: number) => (utcMs < transition ? 60 : 0);
  const places = [{ recordPath: `${root}/%path/%Y-%m-%d_%H-%M-%S-%f`, recordFormat: "fmp4", owns: () => true }] as const;
  const bytes = Buffer.from(await readFile(testdata("h264-aac")));
  const file = join(root, "cam", "2026-11-22_20-21-49-434018.mp4");
  const startOf = async () => {
    await writeFile(file, bytes);
    const index = await FilesIndex.open({ fs: new NodeFs(), clock, log, places, zone, dataDirectory: join(root, "data") });
    return new Date((await index.segments("cam"))[0]!.startUtcUs / 1000).toISOString();
  };
  assert.equal(await startOf(), "2026-11-22T20:21:49.434Z");
  const ntpAt = bytes.indexOf("mtxi") + 4 + 4 + 16 + 8 + 8;
  bytes.writeBigInt64BE(bytes.readBigInt64BE(ntpAt) - 3_600_000_000_000n, ntpAt);
  assert.equal(await startOf(), "2026-11-22T19:21:49.434Z");
});

test("segments are deleted one by one, but not what is recorded or locked", async () => {
  const site = await recorded();
  const [first, second] = await site.index.segments("cam");
  await site.index.deleteSegment("cam", first!.startUtcUs);
  assert.equal(site.fs.bytesOf(first!.file), undefined);
  await assert.rejects(site.index.deleteSegment("cam", first!.startUtcUs), { name: "CallerFault", code: "not-found" });
  const lock = await site.index.lock({ path: "cam", fromUtcUs: second!.startUtcUs, toUtcUs: second!.startUtcUs + 1, why: "theft" });
  await assert.rejects(site.index.deleteSegment("cam", second!.startUtcUs), { name: "CallerFault", code: "conflict" });
  await site.index.unlock(lock.id);
  await site.index.deleteSegment("cam", second!.startUtcUs);
  await site.store.open(site.run());
  await site.record(1);
  const open = (await site.index.segments("cam")).at(-1);
  await assert.rejects(site.index.deleteSegment("cam", open!.startUtcUs), { name: "CallerFault", code: "conflict" });
  await site.store.close();
});

test("locks outlive a start, and say what they hold", async () => {
  const site = await recorded();
  const segments = await site.index.segments("cam");
  const [fromUtcUs, toUtcUs] = [segments[1]!.startUtcUs + 1e6, segments[1]!.startUtcUs + 2e6];
  const lock = await site.index.lock({ path: "cam", fromUtcUs, toUtcUs, why: "theft" });
  assert.equal(lock.sizeBytes, segments[1]!.sizeBytes);
  assert.equal((await site.index.spans("cam"))[0]?.locked, true);
  const after = site.fs.crash(1);
  const { index } = await FilesSite.open({ fs: after, clock: site.clock });
  assert.deepEqual(index.locks(), [lock]);
  assert.equal(await index.unlock("none"), false);
  assert.equal(await index.unlock(lock.id), true);
  assert.deepEqual(index.locks(), []);
});

test("locks that cannot be", async () => {
  const site = await FilesSite.open({ index: { maxLockedBytes: () => 20_000 } });
  await site.store.open(site.run());
  await site.record(7);
  const now = site.utcUs();
  const request = { path: "cam", fromUtcUs: now - 7e6, toUtcUs: now - 6e6, why: "" };
  const refused = (changes: Partial<typeof request>, code: string) =>
    assert.rejects(site.index.lock({ ...request, ...changes }), { name: "CallerFault", code });
  await refused({ toUtcUs: request.fromUtcUs }, "invalid");
  await refused({ why: "x".repeat(257) }, "invalid");
  await refused({ path: "other" }, "not-found");
  await refused({ fromUtcUs: now - 9e6, toUtcUs: now - 8e6 }, "not-found");
  await refused({ toUtcUs: now }, "too-many");
  const first = await site.index.lock(request);
  await refused({ fromUtcUs: now - 2e6, toUtcUs: now - 1e6 }, "too-many");
  await site.index.unlock(first.id);
  const future = await site.index.lock({ ...request, fromUtcUs: now + 1e6, toUtcUs: now + 2e6 });
  assert.equal(future.sizeBytes, 0);
  (site.fs as FaultFs).failAt(1, "ENOSPC", ({ kind, path }) => kind === "write" && path.startsWith("/data/"));
  await assert.rejects(site.index.lock({ ...request, fromUtcUs: now + 1e6, toUtcUs: now + 2e6 }), { code: "ENOSPC" });
  assert.deepEqual(site.index.locks(), [future]);
  await site.store.close();
});

test("a damaged file of locks is put aside and said; one that cannot be read stops the start", async () => {
  const site = await recorded();
  await site.fs.makeFolder("/data");
  const file = await site.fs.open("/data/recording-locks.json", "create");
  await file.write([Buffer.from('{"version": 1, "locks": [{}]}')], 0);
  await file.close();
  site.fs.failAt(1, "EIO", ({ kind, path }) => kind === "read" && path.startsWith("/data/"));
  await assert.rejects(reopened(site), { code: "EIO" });
  const { index } = await reopened(site);
  assert.deepEqual(index.locks(), []);
  assert.notEqual(site.fs.bytesOf("/data/recording-locks.json.damaged"), undefined);
});

test("another config: files are looked for where they are then", async () => {
  const site = await recorded();
  await site.index.setPlaces([{ recordPath: "/elsewhere/%path/%s", recordFormat: "fmp4", owns: () => true }]);
  assert.deepEqual(await site.index.paths(), []);
  await site.index.setPlaces([{ recordPath: "/rec/%path/%Y-%m-%d_%H-%M-%S-%f", recordFormat: "fmp4", owns: () => true }]);
  assert.deepEqual(await site.index.paths(), ["cam"]);
});

test("a folder that cannot be read for a while: what is known of it stands, and that is said once", async () => {
  const site = await recorded();
  const mend = site.fs.failAll("EIO", ({ kind }) => kind === "facts");
  for (let i = 0; i < 2; i++) {
    site.clock.us += 6e6;
    assert.deepEqual(await site.index.paths(), ["cam"]);
  }
  assert.equal(site.log.lines.length, 1);
  mend();
  site.clock.us += 6e6;
  assert.equal((await site.index.segments("cam")).length, 3);
});

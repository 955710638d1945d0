// Exports to a folder: whole files under their names, or nothing.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CallerFault } from "#base/errors.ts";
import { NodeFs } from "#base/node-fs.ts";
import { FaultFs } from "#testing/fault-fs.ts";
import { MemoryIndex, type MemoryRun } from "#testing/memory-index.ts";
import { ffmpeg } from "#testing/peers/ffmpeg.ts";
import { runPeer } from "#testing/peers/run-peer.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { codedRun, gateRun, NOON_US } from "#testing/recorded-clip.ts";
import { StoreFault } from "../store.ts";
import { type ExportParts, type ExportWish, exportClip } from "./export.ts";
import { fileTime } from "./time-text.ts";

const SECOND_US = 1_000_000;
const WISH: ExportWish = { path: "site/cam", fromUtcUs: NOON_US, toUtcUs: NOON_US + 3600 * SECOND_US, folder: "/media/stick/clips" };
const never = new AbortController().signal;
const later = (seconds: number) => fileTime(NOON_US + seconds * SECOND_US);

function partsOf(
  runs: readonly MemoryRun[],
  more: Partial<ExportParts> = {},
): ExportParts & { readonly fs: FaultFs; readonly index: MemoryIndex } {
  return { fs: new FaultFs(), index: new MemoryIndex({ "site/cam": runs }), ...more } as ReturnType<typeof partsOf>;
}

const namesIn = async (fs: FaultFs, folder = WISH.folder) => (await fs.list(folder))?.map(({ name }) => name).sort();

test("one file for footage that plays on, gaps left out; another for other tracks", async () => {
  const told: number[] = [];
  const runs: MemoryRun[] = [
    gateRun({ startUtcUs: NOON_US, frames: [0, 100] }),
    gateRun({ startUtcUs: NOON_US + 60 * SECOND_US, frames: [100, 200], runId: "run-2", gapBefore: "power" }),
    { ...codedRun("h265-main10-no-b.h265", NOON_US + 100 * SECOND_US), gapBefore: "tracks" },
    gateRun({ startUtcUs: NOON_US + 200 * SECOND_US, frames: [0, 50], runId: "run-4", gapBefore: "off", audio: true }),
  ];
  const parts = partsOf(runs, { onProgress: (fraction) => told.push(fraction) });
  const files = await exportClip(WISH, parts, never);
  const names = [0, 100, 200].map((seconds) => `site_cam_${later(seconds)}.mp4`);
  assert.deepEqual(
    files.map(({ name }) => name),
    names,
  );
  assert.deepEqual(await namesIn(parts.fs), names);
  for (const { name, sizeBytes } of files) {
    assert.equal(parts.fs.durableBytesOf(join(WISH.folder, name))?.length, sizeBytes);
    assert.equal(parts.fs.bytesOf(join(WISH.folder, name))!.toString("latin1", 4, 8), "ftyp");
  }
  assert.deepEqual(await namesIn(parts.fs.crash(1)), names);
  assert.equal(told.at(-1), 1);
  assert.ok(told.length > 10 && told.every((fraction, i) => fraction <= 1 && fraction >= (told[i - 1] ?? 0)));
});

test("a file of the same name stays what it is", async () => {
  const parts = partsOf([gateRun({ startUtcUs: NOON_US, frames: [0, 50] })]);
  const [first] = await exportClip(WISH, parts, never);
  const [second] = await exportClip({ ...WISH, toUtcUs: NOON_US + SECOND_US }, parts, never);
  assert.deepEqual([first!.name, second!.name], [`site_cam_${later(0)}.mp4`, `site_cam_${later(0)}_2.mp4`]);
  assert.ok(second!.sizeBytes < first!.sizeBytes);
  assert.equal(parts.fs.bytesOf(join(WISH.folder, first!.name))!.length, first!.sizeBytes);
});

test("a medium that fills up: a clear error, and nothing is left", async () => {
  const runs = [gateRun({ startUtcUs: NOON_US, frames: [0, 100] }), { ...codedRun("h265-main10-no-b.h265", NOON_US + 100 * SECOND_US) }];
  const small = partsOf(runs, { fs: new FaultFs({ capacityBytes: 40_000 }) });
  await assert.rejects(exportClip(WISH, small, never), (error: unknown) => {
    return (
      error instanceof StoreFault && error.code === "full" && /^the export needs \d+\.\d MB, and 0\.0 MB are free$/.test(error.message)
    );
  });
  assert.equal(await small.fs.list(WISH.folder), undefined);

  for (const n of [1, 2]) {
    const parts = partsOf(runs);
    await parts.fs.makeFolder(WISH.folder);
    parts.fs.failAt(n, "short", ({ kind }) => kind === "write");
    await assert.rejects(exportClip(WISH, parts, never), { name: "StoreFault", code: "full" });
    assert.deepEqual(await namesIn(parts.fs), []);
  }
});

test("whatever fails, nothing is left", async () => {
  const runs = [gateRun({ startUtcUs: NOON_US, frames: [0, 50] }), { ...codedRun("h265-main10-no-b.h265", NOON_US + 100 * SECOND_US) }];
  for (const kind of ["open", "sync", "close", "rename", "syncFolder"] as const) {
    for (const n of kind === "syncFolder" ? [1] : [1, 2]) {
      const parts = partsOf(runs);
      parts.fs.failAt(n, "EIO", (operation) => operation.kind === kind);
      await assert.rejects(exportClip(WISH, parts, never), { name: "StoreFault", code: "io" }, `${kind} ${n}`);
      assert.equal(await namesIn(parts.fs), undefined, `${kind} ${n}`);
    }
  }
});

test("aborted: nothing is left, and reading has ended", async () => {
  const parts = partsOf([gateRun({ startUtcUs: NOON_US, frames: [0, 400] })]);
  for (const at of [5, 25]) {
    const abort = new AbortController();
    const before = parts.index.fragmentsRead;
    parts.index.onFragment = () => {
      if (parts.index.fragmentsRead - before === at) abort.abort(new Error("enough"));
    };
    await assert.rejects(exportClip(WISH, parts, abort.signal), { message: "enough" });
    assert.equal(await namesIn(parts.fs), undefined);
    assert.equal(parts.index.openReads, 0);
  }
});

test("nothing to export; footage that goes while it is read", async () => {
  const parts = partsOf([gateRun({ startUtcUs: NOON_US, frames: [0, 400] })]);
  await assert.rejects(exportClip({ ...WISH, path: "other" }, parts, never), { name: "EmptyClip", code: "not-found" });
  assert.equal(await parts.fs.list(WISH.folder), undefined);
  parts.index.onFragment = () => {
    if (parts.index.reads === 2) parts.index.runs.set("site/cam", []);
    if (parts.index.fragmentsRead === 18) throw new Error("unreadable");
  };
  await assert.rejects(exportClip(WISH, parts, never), { message: "unreadable" });
  const gone = partsOf([gateRun({ startUtcUs: NOON_US, frames: [0, 400] })]);
  gone.index.onFragment = () => void (gone.index.fragmentsRead === 15 && gone.index.runs.set("site/cam", []));
  await assert.rejects(exportClip(WISH, gone, never), (error: unknown) => error instanceof CallerFault && error.code === "conflict");
  assert.equal(await gone.fs.list(WISH.folder), undefined);
});

test("files that a medium cannot hold are split at keyframes; all frames are there", { skip: ffmpeg.missing }, async (t) => {
  const folder = join(await temporaryFolder(t), "clips");
  const index = new MemoryIndex({ "site/cam": [gateRun({ startUtcUs: NOON_US, frames: [0, 500], audio: true })] });
  const parts: ExportParts = { fs: new NodeFs(), index, maxFileBytes: 100_000 };
  const files = await exportClip({ ...WISH, folder, fromUtcUs: NOON_US + 3 * SECOND_US }, parts, never);
  assert.ok(files.length > 2);
  assert.deepEqual((await readdir(folder)).sort(), files.map(({ name }) => name).sort());
  let frames = 0;
  for (const { name, sizeBytes } of files) {
    assert.equal((await readFile(join(folder, name))).length, sizeBytes);
    const args = [
      "-v",
      "warning",
      "-nostdin",
      "-i",
      join(folder, name),
      "-map",
      "0:v",
      "-fps_mode",
      "passthrough",
      "-f",
      "framehash",
      "pipe:1",
    ];
    const { stdout, stderr } = await runPeer(t, ffmpeg, args);
    assert.equal(stderr.replace(/^Guessed Channel Layout.*\n/gm, ""), "");
    frames += stdout.toString("utf8").match(/^\d/gm)!.length;
  }
  assert.equal(frames, 425);
});

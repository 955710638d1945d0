import assert from "node:assert/strict";
import { mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NodeFs } from "#base/node-fs.ts";
import { writeAnchor } from "#device/anchor-record.ts";
import { Ring } from "#record/ring/ring.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { numberedSlice, RigClock } from "#testing/ring-rig.ts";
import { SYNTHETIC_CLOCK_HZ, syntheticTrack } from "#testing/synthetic-track.ts";
import { runRing } from "./ring.ts";

const CHUNK_BYTES = 128 * 1024;
/** UTC of monotonic 0. */
const EPOCH_MS = Date.UTC(2026, 2, 1, 12);
const at = (second: number): string => new Date(EPOCH_MS + second * 1000).toISOString();

async function run(...args: string[]): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const code = await runRing(args, { line: (text) => lines.push(text) });
  return { code, lines };
}

/** A card with seconds of footage of each path, from second 10 after noon on; a second of 20 kB, which is a fragment. */
async function card(t: TestContext, seconds: Readonly<Record<string, number>>): Promise<string> {
  const directory = join(await temporaryFolder(t), "rec");
  await mkdir(directory);
  const clock = new RigClock();
  const ring = new Ring({
    fs: new NodeFs(),
    directory,
    clock,
    chunkBytes: CHUNK_BYTES,
    sizeBytes: 16 * CHUNK_BYTES,
    nowMs: () => EPOCH_MS,
  });
  await ring.start();
  for (const [path, count] of Object.entries(seconds)) {
    const store = ring.store(path);
    await store.open({ tracks: [syntheticTrack()], captureUs: 10e6, gapBefore: undefined });
    for (let i = 0; i < count; i++) {
      const frame = [numberedSlice(i, 20_000)];
      const sample = { dtsTicks: i * SYNTHETIC_CLOCK_HZ, ptsOffsetTicks: 0, durationTicks: SYNTHETIC_CLOCK_HZ, keyframe: true, frame };
      const samples = [{ trackIndex: 0, samples: [sample] }];
      const captureUs = (10 + i) * 1e6;
      store.append({
        samples,
        captureUs,
        durationUs: 1e6,
        keyframe: true,
        gapBefore: undefined,
        senderUtcUs: undefined,
        sizeBytes: 20_000,
      });
    }
    await store.close();
  }
  await ring.close();
  const anchor = {
    bootCounter: 1,
    bootId: clock.bootId,
    monoUs: 0,
    utcUs: EPOCH_MS * 1000,
    errorUs: 2000,
    quality: "ntp",
    flags: 0,
  } as const;
  await writeFile(join(directory, "gwr1", "clk.log"), writeAnchor(anchor));
  return directory;
}

/** Every file below a folder, by name. */
async function contents(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async (file) => [file, (await readFile(file)).toString("latin1")] as const)));
}

test("inspect tells what is on a card, with its times, and writes nothing", async (t) => {
  const directory = await card(t, { gate: 8, "site/yard": 3 });
  const before = await contents(directory);
  const { code, lines } = await run("inspect", directory);
  assert.equal(code, 0);
  assert.match(lines[0]!, /^ring [0-9a-f]{32}, made 2026-03-01T12:00:00\.000Z by the clock of that day$/);
  assert.match(lines[1]!, /^\d+ of 16 chunks of 0\.125 MiB are there$/);
  const paths = lines.slice(lines.indexOf("") + 1).filter((line) => line !== "");
  assert.deepEqual(
    paths.map((line) => line.replace(/\d+\.\d MiB/, "… MiB")),
    ["gate: 1 span", `  ${at(10)}  8.0 s  … MiB  time: ntp ± 3 ms`, "site/yard: 1 span", `  ${at(10)}  3.0 s  … MiB  time: ntp ± 3 ms`],
  );
  assert.deepEqual(await contents(directory), before);
});

test("verify finds the byte that is not as it was written, and says where", async (t) => {
  const directory = await card(t, { gate: 3 });
  assert.deepEqual(await run("verify", directory), { code: 0, lines: ["2 chunks, 3 fragments: 0 damaged"] });
  const chunk = join(directory, "gwr1", "c", "00", "000000.gwc");
  const file = await open(chunk, "r+");
  const inSecondFragment = 8192 + 20_500 + 1000;
  await file.write(Buffer.from([0]), 0, 1, inSecondFragment);
  await file.close();
  assert.deepEqual(await run("verify", directory), {
    code: 1,
    lines: ["chunk 0 (gate): fragment 1 of 2 is damaged", "2 chunks, 2 fragments: 1 damaged"],
  });
});

test("export writes what is asked for as MP4, and nothing on the card", async (t) => {
  const directory = await card(t, { gate: 8, "site/yard": 3 });
  const before = await contents(directory);
  const folder = join(await temporaryFolder(t), "clips");
  const { code, lines } = await run("export", directory, "--path", "gate", "--from", at(12), "--to", at(15), "--out", folder);
  assert.equal(code, 0, lines.join("\n"));
  const [name = ""] = await readdir(folder);
  assert.match(name, /^gate_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.mp4$/);
  assert.deepEqual(lines, [`${join(folder, name)}  0.1 MiB  from ${at(12)}`]);
  const bytes = await readFile(join(folder, name));
  for (let i = 0; i < 8; i++) assert.equal(bytes.includes(numberedSlice(i, 20_000)), i >= 2 && i < 5, `second ${i}`);
  assert.deepEqual(await contents(directory), before);

  assert.deepEqual(await run("export", directory, "--out", folder), { code: 1, lines: ["--path: one of gate, site/yard"] });
  assert.equal((await run("export", directory, "--path", "site/yard", "--out", folder)).code, 0);
  assert.equal((await readdir(folder)).filter((file) => file.startsWith("site_yard_")).length, 1);
});

test("the only path of a card need not be named", async (t) => {
  const directory = await card(t, { gate: 2 });
  const folder = await temporaryFolder(t);
  assert.equal((await run("export", directory, "--out", folder)).code, 0);
  assert.equal((await readdir(folder)).length, 1);
});

test("without the clock's anchors footage can still be exported", async (t) => {
  const directory = await card(t, { gate: 2 });
  await rm(join(directory, "gwr1", "clk.log"));
  const folder = await temporaryFolder(t);
  assert.match((await run("inspect", directory)).lines.at(-1)!, /^ {2}1970-01-01T00:00:10\.000Z {2}2\.0 s .* time: none$/);
  assert.equal((await run("export", directory, "--out", folder)).code, 0);
});

test("what cannot be done is said, with exit code 1", async (t) => {
  const directory = await card(t, { gate: 1 });
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /^usage: camgate ring inspect/],
    [["erase", directory], /^usage: /],
    [["inspect"], /^usage: /],
    [["inspect", directory, "more"], /^usage: /],
    [["export", directory, "--speed", "2"], /^usage: /],
    [["inspect", `${directory}/none`], /none\/gwr1 holds no ring$/],
    [["export", directory, "--path", "yard"], /^there is no footage of yard$/],
    [["export", directory, "--from", "noon"], /^--from: 'noon' is not a time like /],
    [["export", directory, "--to", at(5)], /^no recording segments found$/],
  ];
  for (const [args, text] of cases) {
    const { code, lines } = await run(...args);
    assert.equal(code, 1);
    assert.match(lines[0]!, text);
  }
});

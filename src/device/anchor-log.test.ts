import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { ClockAnchor } from "#base/clock-anchor.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { AnchorLog } from "./anchor-log.ts";
import { ANCHOR_BYTES, writeAnchor } from "./anchor-record.ts";

const BOOT_IDS = ["4a999524-645c-41ae-afd2-a71430eb9d0f", "5a999524-645c-41ae-afd2-a71430eb9d0f"];

function anchor(bootCounter: number, seconds: number, bootId = BOOT_IDS[0]!): ClockAnchor {
  const monoUs = seconds * 1e6;
  return { bootCounter, bootId, monoUs, utcUs: 1.78e15 + bootCounter * 1e12 + seconds ** 2, quality: "ntp", flags: 0, errorUs: 1000 };
}

const ONE = anchor(1, 100);
const TWO = anchor(1, 200);
const THREE = anchor(2, 100);

async function logWith(path: string, ...anchors: ClockAnchor[]): Promise<void> {
  const log = await AnchorLog.open({ path, log: collectedLog() });
  for (const one of anchors) log.append(one);
  await log.close();
}

async function anchorsIn(path: string): Promise<readonly ClockAnchor[]> {
  return (await AnchorLog.open({ path, log: collectedLog() })).anchors;
}

test("what was appended is there after a restart", async (t) => {
  const path = join(await temporaryFolder(t), "clk.log");
  await logWith(path, ONE, TWO);
  await logWith(path, THREE);
  assert.deepEqual(await anchorsIn(path), [ONE, TWO, THREE]);
  assert.equal((await readFile(path)).length, 3 * ANCHOR_BYTES);
});

test("whatever part of the last record is missing, the others are read and the file is whole again after the next", async (t) => {
  const path = join(await temporaryFolder(t), "clk.log");
  const bytes = Buffer.concat([ONE, TWO].map(writeAnchor));
  for (let kept = 0; kept < ANCHOR_BYTES; kept++) {
    await writeFile(path, bytes.subarray(0, ANCHOR_BYTES + kept));
    await logWith(path, THREE);
    assert.deepEqual(await readFile(path), Buffer.concat([ONE, THREE].map(writeAnchor)), `${kept} bytes`);
  }
});

test("blocks of zeros, damaged records and foreign bytes cost only themselves", async (t) => {
  const path = join(await temporaryFolder(t), "clk.log");
  const damaged = writeAnchor(TWO).fill(0xff, 20, 30);
  await writeFile(path, Buffer.concat([writeAnchor(ONE), damaged, writeAnchor(THREE), Buffer.alloc(4096)]));
  assert.deepEqual(await anchorsIn(path), [ONE, THREE]);
  await writeFile(path, "not a log of ours, and longer than a record of it, so that something could be found in it");
  assert.deepEqual(await anchorsIn(path), []);
});

test("a copy is kept, and gives back what the first file lost", async (t) => {
  const folder = await temporaryFolder(t);
  const [path, copy] = [join(folder, "clk.log"), join(folder, "copy.log")];
  const log = await AnchorLog.open({ path, log: collectedLog() });
  log.append(ONE);
  await log.addCopy(copy);
  log.append(TWO);
  await log.close();
  assert.deepEqual(await readFile(copy), await readFile(path));

  await rm(path);
  const again = await AnchorLog.open({ path, log: collectedLog(), alsoRead: [copy] });
  assert.deepEqual(again.anchors, [ONE, TWO]);
  again.append(THREE);
  await again.close();
  assert.deepEqual(await anchorsIn(path), [ONE, TWO, THREE]);
  assert.deepEqual(await anchorsIn(copy), [ONE, TWO], "only read");
});

test("a copy of another device adds the boots that are unknown here, and no others", async (t) => {
  const folder = await temporaryFolder(t);
  const [path, copy] = [join(folder, "clk.log"), join(folder, "copy.log")];
  const [foreignOne, foreignFour] = [anchor(1, 300, BOOT_IDS[1]), anchor(4, 300, BOOT_IDS[1])];
  await logWith(path, ONE);
  await logWith(copy, foreignOne, foreignFour);
  const log = await AnchorLog.open({ path, log: collectedLog() });
  let replaced = 0;
  log.onReplaced = () => replaced++;
  await log.addCopy(copy);
  assert.equal(replaced, 1);
  assert.deepEqual(log.anchors, [foreignFour, ONE]);
  assert.deepEqual(await anchorsIn(copy), [foreignFour, ONE]);
});

test("a log that grew too long is compacted, on the medium too", async (t) => {
  const path = join(await temporaryFolder(t), "clk.log");
  const log = await AnchorLog.open({ path, log: collectedLog(), maxAnchors: 20 });
  let replaced = 0;
  log.onReplaced = () => replaced++;
  const boots = Array.from({ length: 21 }, (_, index) => anchor(index + 1, 60));
  for (const one of boots) log.append(one);
  await log.close();
  assert.equal(replaced, 1);
  assert.deepEqual(log.anchors, boots.slice(-10));
  assert.deepEqual(await anchorsIn(path), boots.slice(-10));
});

test("a clock that is set all the time does not wear out the medium, and nothing is lost at the end", async (t) => {
  const path = join(await temporaryFolder(t), "clk.log");
  const log = await AnchorLog.open({ path, log: collectedLog() });
  const flood = Array.from({ length: 200 }, (_, second) => anchor(1, second));
  for (const one of flood) log.append(one);
  await log.saved();
  assert.equal((await readFile(path)).length / ANCHOR_BYTES, 200, "they come with the last write that was allowed");
  for (let second = 200; second < 210; second++) log.append(anchor(1, second));
  await log.saved();
  assert.equal((await readFile(path)).length / ANCHOR_BYTES, 200);
  log.append(anchor(1, 300));
  await log.saved();
  assert.equal((await readFile(path)).length / ANCHOR_BYTES, 211);
  log.append(anchor(1, 301));
  await log.close();
  assert.equal((await anchorsIn(path)).length, 212);
});

test("a place that cannot be written costs one warning, and is brought up to date when it can", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "later", "clk.log");
  const lines = collectedLog();
  const log = await AnchorLog.open({ path, log: lines });
  log.append(ONE);
  log.append(TWO);
  await log.saved();
  assert.equal(lines.lines.length, 1);
  assert.match(lines.lines[0]!, /cannot be written/);
  await mkdir(join(folder, "later"));
  log.append(THREE);
  await log.close();
  assert.deepEqual(await anchorsIn(path), [ONE, TWO, THREE]);
});

test("a file that somebody changed or took away is written anew", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "clk.log");
  const log = await AnchorLog.open({ path, log: collectedLog() });
  log.append(ONE);
  await log.saved();
  await rm(path);
  log.append(TWO);
  await log.saved();
  assert.deepEqual(await anchorsIn(path), [ONE, TWO]);
  await copyFile(import.meta.filename, path);
  log.append(THREE);
  await log.close();
  assert.deepEqual(await anchorsIn(path), [ONE, TWO, THREE]);
});

test("a file that cannot be read is a warning", async (t) => {
  const lines = collectedLog();
  const log = await AnchorLog.open({ path: await temporaryFolder(t), log: lines });
  assert.deepEqual(log.anchors, []);
  assert.match(lines.lines.join("\n"), /cannot be read/);
});

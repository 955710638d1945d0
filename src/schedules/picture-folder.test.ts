import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { PictureFolder } from "./picture-folder.ts";

const START = Date.parse("2026-11-30T22:00:00Z");

function picture(minutes: number, sizeBytes = 1000, extension: "jpg" | "mp4" = "jpg") {
  return { bytes: Buffer.alloc(sizeBytes, 1), extension, utcMs: START + minutes * 60_000 + 123 };
}

async function namesIn(fs: FaultFs, folder: string): Promise<string[]> {
  return ((await fs.list(folder)) ?? []).map(({ name }) => name).sort();
}

test("a folder for each path, names in the order of time, the oldest go", async () => {
  const fs = new FaultFs();
  const folder = new PictureFolder({ fs, directory: "/data/snapshots" });
  for (let minute = 0; minute < 5; minute++) await folder.add("site/gate", picture(minute, 1000, minute === 3 ? "mp4" : "jpg"), 3);
  await folder.add("site", picture(0), 3);
  assert.deepEqual(await namesIn(fs, "/data/snapshots/site/gate"), [
    "20261130T220200Z.jpg",
    "20261130T220300Z.mp4",
    "20261130T220400Z.jpg",
  ]);
  assert.deepEqual(await namesIn(fs, "/data/snapshots/site"), ["20261130T220000Z.jpg", "gate"], "a folder within is of another path");
});

test("what somebody else put there stays", async () => {
  const fs = new FaultFs();
  await fs.makeFolder("/data/snapshots/gate");
  for (const name of ["notes.txt", "20261130T000000Z.jpg.bak"]) await (await fs.open(`/data/snapshots/gate/${name}`, "create")).close();
  const folder = new PictureFolder({ fs, directory: "/data/snapshots" });
  for (let minute = 0; minute < 3; minute++) await folder.add("gate", picture(minute), 1);
  assert.deepEqual(await namesIn(fs, "/data/snapshots/gate"), ["20261130T000000Z.jpg.bak", "20261130T220200Z.jpg", "notes.txt"]);
});

test("fewer than before: all that are too many go", async () => {
  const fs = new FaultFs();
  const folder = new PictureFolder({ fs, directory: "/data" });
  for (let minute = 0; minute < 8; minute++) await folder.add("gate", picture(minute), 10);
  await folder.add("gate", picture(9), 2);
  assert.equal((await namesIn(fs, "/data/gate")).length, 2);
});

test("a file system that is nearly full keeps what it has for the rest", async () => {
  const fs = new FaultFs({ capacityBytes: 1_000_000 });
  const folder = new PictureFolder({ fs, directory: "/data" });
  await folder.add("gate", picture(0, 100_000), 5);
  await assert.rejects(folder.add("gate", picture(1, 870_000), 5), /less than 5 % of the file system of \/data would be free/);
  assert.deepEqual(await namesIn(fs, "/data/gate"), ["20261130T220000Z.jpg"]);
});

test("a medium that fails says so, and leaves no half picture", async () => {
  const fs = new FaultFs();
  const folder = new PictureFolder({ fs, directory: "/data" });
  await folder.add("gate", picture(0), 5);
  fs.failAt(1, "EIO", ({ kind }) => kind === "sync");
  await assert.rejects(folder.add("gate", picture(1), 5), { code: "EIO" });
  assert.deepEqual(await namesIn(fs, "/data/gate"), ["20261130T220000Z.jpg"]);
});

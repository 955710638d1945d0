// Files and ring side by side, as the API lists them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FilesSite } from "#testing/files-site.ts";
import { MemoryIndex } from "#testing/memory-index.ts";
import { gateRun, NOON_US } from "#testing/recorded-clip.ts";
import { RecordingLibrary } from "./recording-library.ts";

const MINUTE_US = 60_000_000;

/** Path `cam` has three files of 3 s, the last is being written; `yard` is in the ring, where a minute is missing. */
async function setUp() {
  const site = await FilesSite.open();
  await site.store.open(site.run());
  const firstUs = site.utcUs();
  await site.record(8);
  const ring = new MemoryIndex({
    yard: [
      gateRun({ startUtcUs: NOON_US, frames: [0, 50] }),
      gateRun({ startUtcUs: NOON_US + MINUTE_US, frames: [0, 50], gapBefore: "off" }),
    ],
  });
  return { ring, library: new RecordingLibrary({ files: site.index, ring }), files: site.index, firstUs };
}

test("both stores are listed", async () => {
  const { library, firstUs } = await setUp();
  assert.deepEqual(await library.paths(), ["cam", "yard"]);
  assert.deepEqual(await library.startsOf("cam"), [firstUs, firstUs + 3_000_000, firstUs + 6_000_000]);
  assert.deepEqual(await library.startsOf("yard"), [NOON_US, NOON_US + MINUTE_US]);
  assert.deepEqual(await library.startsOf("nowhere"), []);
});

test("a path whose recordings went from files to the ring has both, in the order of their times", async () => {
  const { library, ring, firstUs } = await setUp();
  ring.runs.set("cam", [gateRun({ startUtcUs: firstUs - MINUTE_US, frames: [0, 50] })]);
  assert.deepEqual(await library.paths(), ["cam", "yard"]);
  assert.deepEqual(await library.startsOf("cam"), [firstUs - MINUTE_US, firstUs, firstUs + 3_000_000, firstUs + 6_000_000]);
});

test("a file is deleted; what cannot be is told why", async () => {
  const { library, files, firstUs } = await setUp();
  await library.deleteSegment("cam", firstUs);
  assert.deepEqual(await library.startsOf("cam"), [firstUs + 3_000_000, firstUs + 6_000_000]);
  await assert.rejects(library.deleteSegment("cam", firstUs), { code: "not-found", message: "no recording segment begins at that time" });
  await assert.rejects(library.deleteSegment("cam", firstUs + 6_000_000), { code: "conflict", message: "the segment is being recorded" });
  await assert.rejects(library.deleteSegment("yard", NOON_US), { code: "invalid", message: /^what the ring holds cannot be deleted/ });
  await assert.rejects(new RecordingLibrary({ files, ring: undefined }).deleteSegment("yard", NOON_US), { code: "not-found" });
});

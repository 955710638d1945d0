import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultFs } from "#testing/fault-fs.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { type ChunkHeader, writeHeaderArea } from "./chunk-header.ts";
import { readHeaderArea, readTrailer, scanFragments } from "./chunk-scan.ts";
import { ChunkWriter, type MuxedFragment } from "./chunk-writer.ts";
import { GWRF_BYTES } from "./fragment-header.ts";
import { HEADER_AREA_BYTES } from "./layout.ts";
import { runFormatOf } from "./run-format.ts";

const CHUNK_BYTES = 256 * 1024;
const FRAGMENT_BYTES = 5000;
const format = runFormatOf([syntheticTrack()])!;

const headerOf = (gen: number): ChunkHeader => ({
  ringId: Buffer.alloc(16, 1),
  chunk: 3,
  gen,
  chunkBytes: CHUNK_BYTES,
  cameraId: 1,
  camera: "gate",
  runId: gen,
  bootId: Buffer.alloc(16),
  bootCounter: 1,
  monoUs: gen * 1e9,
  utcUs: 0,
  timeQuality: "none",
  gapBefore: undefined,
  previousChunk: undefined,
});

function fragment(gen: number, second: number): MuxedFragment {
  const flags = { keyframe: true, gapBefore: undefined, locked: false, sameParameters: true, audioOnly: false };
  const times = { monoUs: gen * 1e9 + second * 1e6, utcUs: 0, senderUtcUs: 0, epochUs: 0, ticks: 0, durationUs: 1e6 };
  return { buffers: [Buffer.alloc(FRAGMENT_BYTES, gen * 16 + second)], sizeBytes: FRAGMENT_BYTES, frames: 1, flags, ...times };
}

/** One use of the chunk after the other: so many fragments each. */
async function chunkWith(...uses: readonly number[]): Promise<{ fs: FaultFs; writer: ChunkWriter }> {
  const fs = new FaultFs();
  await fs.allocate("/chunk", CHUNK_BYTES);
  let writer: ChunkWriter | undefined;
  for (const [place, count] of uses.entries()) {
    await writer?.writeTrailer();
    const header = headerOf(place + 1);
    writer = await ChunkWriter.begin(fs, "/chunk", header, writeHeaderArea(header, format.init, format.ftypBytes)!);
    for (let second = 0; second < count; second++) await writer.write(fragment(place + 1, second));
  }
  return { fs, writer: writer! };
}

test("what was written is found, with or without the trailer", async () => {
  const { fs, writer } = await chunkWith(5);
  const file = await fs.open("/chunk", "read");
  assert.deepEqual(await scanFragments(file, 1, CHUNK_BYTES), writer.entries);
  assert.equal(await readTrailer(file, 1, 3, CHUNK_BYTES), undefined);
  await writer.writeTrailer();
  assert.deepEqual(await readTrailer(file, 1, 3, CHUNK_BYTES), writer.entries);
  assert.equal((await readHeaderArea(file))?.header.gen, 1);
});

test("fragments of an older lap that stand exactly where the next one would are not taken, even where nothing covers them", async () => {
  const older = await chunkWith(6);
  const before = older.fs.bytesOf("/chunk")!;
  const { fs, writer } = await chunkWith(6, 2);
  const end = HEADER_AREA_BYTES + 2 * (GWRF_BYTES + FRAGMENT_BYTES);
  assert.equal(fs.bytesOf("/chunk")!.toString("latin1", end + 4, end + 8), "free");
  const file = await fs.open("/chunk", "update");
  await file.write([before.subarray(end, end + 8)], end); // the cover was torn off
  assert.equal((await scanFragments(file, 1, CHUNK_BYTES)).length, 0);
  assert.deepEqual(await scanFragments(file, 2, CHUNK_BYTES), writer.entries);
});

test("a walk ends at the first fragment that is not whole or out of turn", async () => {
  const { fs, writer } = await chunkWith(5);
  const file = await fs.open("/chunk", "update");
  const offset = writer.entries[3]!.offset;
  await file.write([Buffer.from([0])], offset + GWRF_BYTES + 100);
  assert.equal((await scanFragments(file, 1, CHUNK_BYTES)).length, 3);
  const second = fs.bytesOf("/chunk")!.subarray(writer.entries[1]!.offset, writer.entries[2]!.offset);
  await file.write([second], writer.entries[2]!.offset);
  assert.equal((await scanFragments(file, 1, CHUNK_BYTES)).length, 2);
});

test("the header is durable before the first fragment, and the older trailer is gone with it", async () => {
  const { fs, writer } = await chunkWith(6, 1);
  const kinds = fs.history.filter(({ path }) => path === "/chunk").map(({ kind }) => kind);
  assert.deepEqual(kinds.slice(-5), ["open", "write", "write", "sync", "write"]);
  const file = await fs.open("/chunk", "read");
  assert.equal(await readTrailer(file, 1, 3, CHUNK_BYTES), undefined);
  assert.deepEqual([writer.isDirty, writer.extent.fragments], [true, 1]);
});

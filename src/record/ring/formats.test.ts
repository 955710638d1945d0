import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzRandom, fuzzRounds, mutate } from "#testing/mutate.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { type ChunkHeader, GWRH_BYTES, parseHeaderArea, writeErasedArea, writeHeaderArea } from "./chunk-header.ts";
import { type FragmentHeader, GWRF_BYTES, parseFragmentHeader, writeFragmentHeader } from "./fragment-header.ts";
import { type IndexRecord, parseIndexRecord, RECORD_BYTES, writeIndexRecord } from "./index-record.ts";
import { HEADER_AREA_BYTES, trailerOffset } from "./layout.ts";
import { parseRingJson, type RingIdentity, writeRingJson } from "./ring-json.ts";
import { parseRingState, type RingState, writeRingState } from "./ring-state.ts";
import { runFormatOf } from "./run-format.ts";
import { parseSlot, writeSlot } from "./slot-pair.ts";
import { type FragmentEntry, MAX_FRAGMENTS, parseTrailer, writeTrailer } from "./trailer.ts";

const CHUNK_BYTES = 16 * 1024 * 1024;
const BIG = Number.MAX_SAFE_INTEGER;
const format = runFormatOf([syntheticTrack()])!;

const header: ChunkHeader = {
  ringId: Buffer.alloc(16, 7),
  chunk: 131_071,
  gen: BIG,
  chunkBytes: CHUNK_BYTES,
  cameraId: 0xffff,
  camera: "tor/süd",
  runId: BIG - 1,
  bootId: Buffer.alloc(16, 9),
  bootCounter: 0xffff_fffe,
  monoUs: 2 ** 40 + 1,
  utcUs: 1_795_000_000_123_456,
  timeQuality: "ptp",
  gapBefore: "tracks",
  previousChunk: undefined,
};
const flags = { keyframe: true, gapBefore: "off", locked: true, sameParameters: false, audioOnly: true } as const;
const fragment: FragmentHeader = {
  gen: 2 ** 33 + 5,
  sequence: 12,
  sizeBytes: 500_000,
  crc: 0xdead_beef,
  monoUs: 2 ** 41,
  utcUs: 1_795_000_000_123_456,
  senderUtcUs: 0,
  epochUs: 77,
  ticks: 0xffff_ffff,
  durationUs: 999_999,
  frames: 25,
  flags,
};
const entries: FragmentEntry[] = [
  { offset: HEADER_AREA_BYTES, sizeBytes: 1000, sinceStartMs: 0, durationMs: 1000, flags: { ...flags, gapBefore: undefined }, crc: 1 },
  { offset: HEADER_AREA_BYTES + 1000 + GWRF_BYTES, sizeBytes: 5, sinceStartMs: 1000, durationMs: 40, flags, crc: 0xffff_ffff },
];
const record: IndexRecord = {
  type: "close",
  cameraId: 3,
  chunk: 70_000,
  gen: 2 ** 34,
  bootCounter: 9,
  run: 0xffff_ffff,
  monoUs: 2 ** 42,
  durationMs: 32_000,
  sizeBytes: 16_000_000,
  fragments: 32,
  gapCause: "power",
  bad: true,
  recovered: true,
  utcUs: 1_795_000_000_123_456,
};
const ring: RingIdentity = {
  ringId: "0123456789abcdef0123456789abcdef",
  chunkBytes: CHUNK_BYTES,
  chunks: 8000,
  createdMs: 1_795_000_000_000,
};
const lock = {
  id: "a",
  camera: "gate",
  fromUtcUs: 1,
  toUtcUs: 2,
  untilUtcUs: undefined,
  why: "alarm",
  ranges: [{ bootCounter: 1, fromMonoUs: 2, toMonoUs: 3.5 }],
};
const state: RingState = {
  cameras: new Map([[1, "gate"]]),
  locks: [lock, { ...lock, id: "b", untilUtcUs: 9 }],
  genLimit: 4097,
  writtenBytes: 2 ** 50,
};

const headerArea = writeHeaderArea(header, format.init, format.ftypBytes)!;
const trailer = writeTrailer(header.gen, header.chunk, entries);

test("everything that is written is read again as it was", () => {
  assert.deepEqual(parseHeaderArea(headerArea), { kind: "footage", header, init: format.init });
  for (const camera of ["a", "b".repeat(32), "c".repeat(33), "é".repeat(256)]) {
    const parsed = parseHeaderArea(writeHeaderArea({ ...header, camera, previousChunk: 4 }, format.init, format.ftypBytes)!);
    assert.deepEqual(parsed, { kind: "footage", header: { ...header, camera, previousChunk: 4 }, init: format.init });
  }
  const { ringId, chunk, gen, chunkBytes } = header;
  assert.deepEqual(parseHeaderArea(writeErasedArea({ ringId, chunk, gen, chunkBytes })), {
    kind: "erased",
    header: { ringId, chunk, gen, chunkBytes },
  });
  assert.deepEqual(parseFragmentHeader(writeFragmentHeader(fragment)), fragment);
  assert.deepEqual(parseTrailer(trailer, header.gen, header.chunk, CHUNK_BYTES), entries);
  for (const type of ["alloc", "close", "gap", "drop"] as const)
    assert.deepEqual(parseIndexRecord(writeIndexRecord({ ...record, type }, 5)), { record: { ...record, type }, epoch: 5 });
  assert.deepEqual(parseRingJson(writeRingJson(ring)), ring);
  assert.deepEqual(parseRingState(writeRingState(state)), state);
  assert.deepEqual(parseSlot(Buffer.concat(writeSlot({ version: 3, payload: Buffer.from("abc") }))), {
    version: 3,
    payload: Buffer.from("abc"),
  });
});

test("the boxes of a chunk follow one another up to the trailer", () => {
  const boxes: [string, number][] = [];
  for (let at = 0; at < headerArea.length; ) {
    const sizeBytes = headerArea.readUInt32BE(at);
    boxes.push([headerArea.toString("latin1", at + 4, at + 8), sizeBytes]);
    at += sizeBytes;
  }
  assert.deepEqual(
    boxes.map(([type]) => type),
    ["ftyp", "uuid", "moov", "free", "free"],
  );
  assert.equal(boxes[1]![1], GWRH_BYTES);
  assert.equal(
    boxes.slice(0, 4).reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0),
    HEADER_AREA_BYTES,
  );
  assert.equal(boxes[4]![1], trailerOffset(CHUNK_BYTES) - HEADER_AREA_BYTES);
});

test("what does not fit is not written, what is of another use is not believed", () => {
  assert.equal(writeHeaderArea({ ...header, camera: "x".repeat(513) }, format.init, format.ftypBytes), undefined);
  assert.equal(writeHeaderArea(header, Buffer.concat([format.init, Buffer.alloc(8000)]), format.ftypBytes), undefined);
  assert.equal(parseTrailer(trailer, header.gen - 1, header.chunk, CHUNK_BYTES), undefined);
  assert.equal(parseTrailer(trailer, header.gen, header.chunk + 1, CHUNK_BYTES), undefined);
  assert.equal(parseTrailer(trailer, header.gen, header.chunk, 128 * 1024 - 60_000), undefined);
  const many = Array.from({ length: MAX_FRAGMENTS }, (_, i) => ({ ...entries[0]!, offset: HEADER_AREA_BYTES + i * (1000 + GWRF_BYTES) }));
  assert.equal(parseTrailer(writeTrailer(1, 2, many), 1, 2, CHUNK_BYTES)?.length, MAX_FRAGMENTS);
  assert.equal(parseIndexRecord(Buffer.alloc(RECORD_BYTES)), undefined);
  assert.equal(parseFragmentHeader(Buffer.alloc(GWRF_BYTES)), undefined);
  assert.equal(parseRingJson(Buffer.from(writeRingJson(ring).toString().replace("8000", "9000"))), undefined);
});

test("damage is found, and nothing throws", () => {
  const seeds: { readonly bytes: Buffer; readonly parse: (bytes: Buffer) => unknown }[] = [
    { bytes: headerArea, parse: parseHeaderArea },
    { bytes: writeHeaderArea({ ...header, camera: "x".repeat(300) }, format.init, format.ftypBytes)!, parse: parseHeaderArea },
    { bytes: writeFragmentHeader(fragment), parse: parseFragmentHeader },
    { bytes: trailer, parse: (bytes) => parseTrailer(bytes, header.gen, header.chunk, CHUNK_BYTES) },
    { bytes: writeIndexRecord(record, 1), parse: parseIndexRecord },
    { bytes: writeRingJson(ring), parse: parseRingJson },
    { bytes: writeRingState(state), parse: parseRingState },
    { bytes: Buffer.concat(writeSlot({ version: 1, payload: Buffer.alloc(100, 1) })), parse: parseSlot },
  ];
  const random = fuzzRandom(71);
  for (const { bytes, parse } of seeds) {
    let refused = 0;
    for (let round = fuzzRounds(1000); round > 0; round--) if (parse(mutate(bytes, random)) === undefined) refused++;
    assert.ok(refused > 0);
  }
  // A CRC finds each single byte.
  for (const [bytes, parse] of [
    [writeFragmentHeader(fragment), parseFragmentHeader],
    [writeIndexRecord(record, 1), parseIndexRecord],
  ] as const) {
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x10;
      assert.equal(parse(damaged), undefined, String(at));
    }
  }
});

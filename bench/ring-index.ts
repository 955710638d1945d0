// Benchmark figures of a large ring's index: how long it takes to load, what it holds, how fast it lists. Its chunks are records alone, no file is there.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiskQueue } from "#base/disk-queue.ts";
import { NodeFs } from "#base/node-fs.ts";
import type { IndexRecord } from "#record/ring/index-record.ts";
import { Journal } from "#record/ring/journal.ts";
import { MIN_CHUNK_BYTES } from "#record/ring/layout.ts";
import { Ring } from "#record/ring/ring.ts";
import { dropRecord, RingIndex } from "#record/ring/ring-index.ts";
import { writeRingState } from "#record/ring/ring-state.ts";
import { SlotPair } from "#record/ring/slot-pair.ts";
import { RigClock } from "#testing/ring-rig.ts";
import type { Sample } from "./harness.ts";
import { percentile } from "./statistics.ts";

export interface IndexSetting extends Record<string, number> {
  readonly chunks: number;
  readonly cameras: number;
}

/** A chunk of 16 MiB at 4 Mbit/s. */
const CHUNK_MS = 33_000;
/** Footage is missing before every so manieth chunk of a camera. */
const CHUNKS_PER_SPAN = 40;
const DAY_US = 86_400e6;
const LISTS = 200;
const WHOLE_LISTS = 20;

export async function measureIndex(setting: IndexSetting): Promise<Sample> {
  const directory = await mkdtemp(join(tmpdir(), "camgate-bench-"));
  try {
    return await measureIn(directory, setting);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureIn(directory: string, { chunks, cameras }: IndexSetting): Promise<Sample> {
  const fs = new DiskQueue(new NodeFs());
  const clock = new RigClock();
  const options = { fs, directory, clock, chunkBytes: MIN_CHUNK_BYTES, sizeBytes: chunks * MIN_CHUNK_BYTES };
  const made = new Ring(options);
  await made.start();
  await made.close();

  const records = recordsOf(chunks, cameras);
  const folder = `${directory}/gwr1/idx`;
  const journal = new Journal(fs, folder, chunks);
  await journal.load();
  await journal.checkpoint(records);
  await journal.close();
  const state = new SlotPair(fs, `${folder}/state`);
  await state.load();
  const names = new Map(Array.from({ length: cameras }, (_, camera) => [camera + 1, `camera${camera + 1}`]));
  await state.save(writeRingState({ cameras: names, locks: [], genLimit: 2 * chunks, writtenBytes: 0 }));

  const index = new RingIndex(chunks);
  for (const record of records) index.apply(record);
  const ring = new Ring(options);
  const startMs = performance.now();
  await ring.start();
  const loadMs = performance.now() - startMs;
  if (ring.status !== "recording" || ring.usage?.withFootage !== chunks) throw new Error(`the ring is ${ring.status}`);

  const endUtcUs = clock.utcOf(records.at(-1)!.monoUs).utcUs;
  const { recordings } = ring;
  const listMs: number[] = [];
  for (let i = 0; i < LISTS; i++) {
    const toUtcUs = endUtcUs - i * 60e6;
    listMs.push(await took(() => recordings.spans("camera1", { fromUtcUs: toUtcUs - 30 * DAY_US, toUtcUs })));
  }
  const wholeMs: number[] = [];
  for (let i = 0; i < WHOLE_LISTS; i++) {
    wholeMs.push(
      await took(async () => {
        for (const path of await recordings.paths()) await recordings.spans(path);
      }),
    );
  }
  await ring.close();
  return { loadMs, indexMb: index.heldBytes / 1e6, listP95Ms: percentile(listMs, 0.95), wholeP95Ms: percentile(wholeMs, 0.95) };
}

async function took(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

/** Cameras take turns. */
function recordsOf(chunks: number, cameras: number): IndexRecord[] {
  return Array.from({ length: chunks }, (_, chunk) => {
    const turn = Math.floor(chunk / cameras);
    const isAfterGap = turn % CHUNKS_PER_SPAN === 0 && turn > 0;
    return {
      ...dropRecord(chunk, chunk + 1),
      type: "close",
      cameraId: (chunk % cameras) + 1,
      bootCounter: 1,
      run: 1 + Math.floor(turn / CHUNKS_PER_SPAN),
      monoUs: turn * CHUNK_MS * 1000,
      durationMs: isAfterGap ? CHUNK_MS - 1000 : CHUNK_MS,
      sizeBytes: 16e6,
      fragments: 33,
      gapCause: isAfterGap ? "source" : undefined,
    };
  });
}

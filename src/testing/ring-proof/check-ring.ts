// Starts a ring on a real file system after something happened to it, and holds it to what its writers said.
import assert from "node:assert/strict";
import { DiskQueue } from "#base/disk-queue.ts";
import { NodeFs } from "#base/node-fs.ts";
import type { Span } from "#record/recording-index.ts";
import { Ring } from "#record/ring/ring.ts";
import { crashFaultsOf, disagreements, faultsOf, type ScannedChunk, type SeenFragment, scanChunks, seenFragments } from "./oracle.ts";
import { ProcessClock } from "./process-clock.ts";
import type { CameraTold, RingTold } from "./writer-process.ts";
import type { WriterOptions } from "./writer-program.ts";

export interface CheckedCamera {
  readonly told: CameraTold;
  readonly seen: readonly SeenFragment[];
  readonly spans: readonly Span[];
}

export interface CheckedRing {
  readonly cameras: readonly CheckedCamera[];
  readonly chunks: readonly ScannedChunk[];
}

/**
 * Opens the ring as the next boot would, compares what playback shows with what was told and with the chunks, and closes it. `crashes`: that many, and
 * nothing else, happened since the last check: footage is missing before a start and nowhere else, and what is in the chunks is shown.
 */
export async function checkRing(told: RingTold, options: WriterOptions, crashes?: number): Promise<CheckedRing> {
  const fs = new DiskQueue(new NodeFs());
  const { directory, chunkBytes, sizeBytes } = options;
  const ring = new Ring({ fs, directory, clock: new ProcessClock(options.bootCounter), chunkBytes, sizeBytes });
  await ring.start();
  const cameras: CheckedCamera[] = [];
  try {
    assert.equal(ring.status, "recording", ring.fault?.message);
    for (const camera of told.cameras) {
      const seen = await seenFragments(ring.recordings, camera);
      assert.deepEqual(crashes !== undefined ? crashFaultsOf(seen, camera) : faultsOf(seen, camera), []);
      assert.ok(seen.length > 0 || camera.stored.length === 0, `${camera.path} is empty`);
      cameras.push({ told: camera, seen, spans: await ring.recordings.spans(camera.path) });
    }
  } finally {
    await ring.close();
  }
  const chunks = await scanChunks(fs, directory, told.cameras);
  if (crashes !== undefined) {
    const shown = new Map(cameras.map(({ told: { path }, seen }) => [path, seen]));
    assert.deepEqual(disagreements(shown, chunks, crashes), []);
  }
  for (const camera of cameras) assert.deepEqual(spanFaultsOf(camera, options.fragmentMs), []);
  return { cameras, chunks };
}

/** Times in chunks are in whole milliseconds. */
const ROUNDING_US = 1000;

/** Each span lies where its fragments lie, and wherever footage is missing one ends and the next begins. */
export function spanFaultsOf({ told, seen, spans }: CheckedCamera, fragmentMs: number): string[] {
  const faults: string[] = [];
  const base = new ProcessClock(1).utcOf(0).utcUs;
  let at = 0;
  for (const [place, span] of spans.entries()) {
    const endUs = span.startUtcUs + span.durationUs;
    const first = seen[at];
    while (at < seen.length && base + told.captureUsOf(seen[at]!.number) < endUs - ROUNDING_US) at++;
    const last = seen[at - 1];
    if (first === undefined || last === undefined) {
      faults.push(`${told.path}: span ${place} is empty`);
      continue;
    }
    const [fromUs, toUs] = [base + told.captureUsOf(first.number), base + told.captureUsOf(last.number) + fragmentMs * 1000];
    if (Math.abs(span.startUtcUs - fromUs) > ROUNDING_US)
      faults.push(`${told.path}: ${first.number} begins ${fromUs - span.startUtcUs} µs behind its span`);
    if (Math.abs(endUs - toUs) > ROUNDING_US) faults.push(`${told.path}: ${last.number} ends ${toUs - endUs} µs behind its span`);
    if (place > 0 && span.gapBefore === undefined) faults.push(`${told.path}: nobody says why footage is missing before ${first.number}`);
    const isWhole = last.number - first.number === seen.indexOf(last) - seen.indexOf(first);
    if (!isWhole) faults.push(`${told.path}: footage is missing between ${first.number} and ${last.number}, inside a span`);
  }
  if (at < seen.length) faults.push(`${told.path}: ${seen[at]!.number} is in no span`);
  return faults;
}

// What must hold of a ring whatever happened to it, judged by what its writers said and by every byte of its chunks.

import type { FsPort } from "#base/fs-port.ts";
import type { RecordingIndex } from "#record/recording-index.ts";
import { readFragment } from "#record/ring/chunk-scan.ts";
import { inspectRing } from "#record/ring/inspect.ts";
import { chunkPath } from "#record/ring/layout.ts";
import { findChunk } from "#record/ring/recover-chunk.ts";

/** What a camera's writers said. */
export interface Told {
  readonly path: string;
  /** Numbers of fragments that were said to be safe. */
  readonly stored: readonly number[];
  /** Numbers that footage may begin with when the gateway was gone before. */
  readonly starts: ReadonlySet<number>;
  /** Up to here something was locked: what follows it may have been written over before it. */
  readonly lockedThrough?: number | undefined;
  /** Throws when a byte is not as it was made. */
  numberOf(frame: Buffer): number;
}

export interface SeenFragment {
  readonly number: number;
  /** Footage is said to be missing before it. */
  readonly gap: boolean;
}

/** Numbers that are missing between two that are there. */
export interface Hole {
  readonly after: number;
  readonly before: number;
}

const FOREVER_US = Number.MAX_SAFE_INTEGER;
const BOX_HEADER_BYTES = 8;
const NAL_LENGTH_BYTES = 4;

/** Every fragment of a camera that playback finds. Each holds one frame. */
export async function seenFragments(recordings: RecordingIndex, camera: Told): Promise<SeenFragment[]> {
  const seen: SeenFragment[] = [];
  const signal = new AbortController().signal;
  for await (const footage of recordings.read(camera.path, 0, FOREVER_US, signal)) {
    let isFirst = true;
    for await (const { gap, samples } of footage.fragments(signal)) {
      const isAfterGap = isFirst ? footage.gapBefore !== undefined : gap;
      for (const { frame } of samples.flatMap((track) => track.samples))
        seen.push({ number: camera.numberOf(frame.at(-1)!), gap: isAfterGap });
      isFirst = false;
    }
  }
  return seen;
}

/**
 * What is wrong: a fragment that was said to be safe is not there though older ones are, something comes twice or out of turn, which is what footage of an
 * older lap looks like, or footage is missing and nobody says so.
 */
export function faultsOf(seen: readonly SeenFragment[], told: Told): string[] {
  const { path } = told;
  const faults: string[] = [];
  for (let i = 1; i < seen.length; i++) {
    const [before, after] = [seen[i - 1]!, seen[i]!];
    if (after.number <= before.number) faults.push(`${path}: ${after.number} behind ${before.number}`);
    else if (after.number !== before.number + 1 && !after.gap)
      faults.push(`${path}: a silent hole between ${before.number} and ${after.number}`);
  }
  const numbers = new Set(seen.map(({ number }) => number));
  const first = seen[0]?.number ?? Number.POSITIVE_INFINITY;
  const over = holeBehindLock(seen, told);
  const isOverwritten = (number: number): boolean => number < first || (over !== undefined && number > over.after && number < over.before);
  const lost = told.stored.filter((number) => !numbers.has(number) && !isOverwritten(number));
  if (lost.length > 0) faults.push(`${path}: ${rangesText(lost)} were safe and are gone`);
  return faults;
}

/** All that followed what is locked may be gone. */
function holeBehindLock(seen: readonly SeenFragment[], { lockedThrough = Number.NEGATIVE_INFINITY }: Told): Hole | undefined {
  const hole = holesOf(seen).findLast(({ after }) => after <= lockedThrough);
  const last = seen.at(-1)?.number ?? Number.POSITIVE_INFINITY;
  return hole ?? (last <= lockedThrough ? { after: last, before: Number.POSITIVE_INFINITY } : undefined);
}

export function holesOf(seen: readonly SeenFragment[]): Hole[] {
  const holes: Hole[] = [];
  for (let i = 1; i < seen.length; i++) {
    const [after, before] = [seen[i - 1]!.number, seen[i]!.number];
    if (before !== after + 1) holes.push({ after, before });
  }
  return holes;
}

/** Where nothing but crashes happened: footage is missing only before the first fragment of a start. */
export function crashFaultsOf(seen: readonly SeenFragment[], told: Told): string[] {
  const over = holeBehindLock(seen, told);
  const wrong = holesOf(seen).filter(({ before }) => !told.starts.has(before) && before !== over?.before);
  return [
    ...faultsOf(seen, told),
    ...wrong.map(({ after, before }) => `${told.path}: a hole between ${after} and ${before}, where no start was`),
  ];
}

/** A chunk as its bytes tell. */
export interface ScannedChunk {
  readonly chunk: number;
  readonly gen: number;
  readonly path: string;
  readonly numbers: readonly number[];
}

/** Walks all chunk files, and looks at no index, trailer or playback. In the order of use. */
export async function scanChunks(fs: FsPort, directory: string, cameras: readonly Told[]): Promise<ScannedChunk[]> {
  const { ring, chunks } = await inspectRing(fs, directory);
  const scanned: ScannedChunk[] = [];
  for (const chunk of chunks) {
    const file = `${directory}/gwr1/${chunkPath(chunk)}`;
    const found = await findChunk(fs, file, chunk, ring, false);
    if (found.kind === "empty") continue;
    const { gen, camera } = found.header;
    const told = cameras.find(({ path }) => path === camera);
    if (told === undefined) throw new Error(`chunk ${chunk} is of ${camera}, which nobody recorded`);
    const opened = await fs.open(file, "read");
    try {
      const numbers: number[] = [];
      for (const { offset } of found.entries) {
        const fragment = await readFragment(opened, gen, offset, ring.chunkBytes);
        const moofBytes = fragment!.bytes.readUInt32BE(0);
        numbers.push(told.numberOf(fragment!.bytes.subarray(moofBytes + BOX_HEADER_BYTES + NAL_LENGTH_BYTES)));
      }
      scanned.push({ chunk, gen, path: camera, numbers });
    } finally {
      await opened.close();
    }
  }
  return scanned.sort((a, b) => a.gen - b.gen);
}

/**
 * What playback shows and the chunks do not hold, or the other way round. A chunk that was about to be written over when the gateway went is whole and not
 * shown: the oldest of its camera, and one in the ring for each of `ends`. The cameras' fragments all begin with keyframes.
 */
export function disagreements(
  shown: ReadonlyMap<string, readonly SeenFragment[]>,
  scanned: readonly ScannedChunk[],
  ends: number,
): string[] {
  const faults: string[] = [];
  let hidden = 0;
  for (const [path, seen] of shown) {
    const numbers = new Set(seen.map(({ number }) => number));
    const ofCamera = scanned.filter((chunk) => chunk.path === path);
    const isShown = (chunk: ScannedChunk): boolean => chunk.numbers.some((number) => numbers.has(number));
    const held = ofCamera.filter(isShown).flatMap((chunk) => chunk.numbers);
    hidden += ofCamera.length - ofCamera.filter(isShown).length;
    if (held.join() !== [...numbers].join())
      faults.push(`${path}: the chunks hold ${rangesText(held)}, playback shows ${rangesText([...numbers])}`);
  }
  if (hidden > ends) faults.push(`${hidden} whole chunks are not shown`);
  return faults;
}

/** `1–7 9 12–13`. */
export function rangesText(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(" ");
}

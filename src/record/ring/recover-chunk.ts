// A chunk that was being written when the gateway went: found out how much of it is there, and closed.
import type { FsPort } from "#base/fs-port.ts";
import type { ChunkHeader } from "./chunk-header.ts";
import { readHeaderArea, readTrailer, scanFragments } from "./chunk-scan.ts";
import { extentOf } from "./chunk-writer.ts";
import type { IndexRecord } from "./index-record.ts";
import { freeHeader, HEADER_AREA_BYTES, trailerOffset } from "./layout.ts";
import { dropRecord, type Gap } from "./ring-index.ts";
import type { RingIdentity } from "./ring-json.ts";
import { type FragmentEntry, writeTrailer } from "./trailer.ts";

export type FoundChunk =
  | {
      readonly kind: "footage";
      readonly header: ChunkHeader;
      readonly init: Buffer;
      readonly entries: readonly FragmentEntry[];
      /** It has no trailer. */
      readonly recovered: boolean;
    }
  /** Nothing is in it; `gen` of its last use, 0 if that is not known. */
  | { readonly kind: "empty"; readonly gen: number };

/**
 * What a chunk says of itself. `believeTrailer`: only the last chunk of a camera can have a trailer that is on the medium before all of its fragments.
 * Rejects when it cannot be read.
 */
export async function findChunk(fs: FsPort, path: string, chunk: number, ring: RingIdentity, believeTrailer: boolean): Promise<FoundChunk> {
  const file = await fs.open(path, "read");
  try {
    const area = await readHeaderArea(file);
    const isOurs = area?.header.ringId.toString("hex") === ring.ringId && area.header.chunk === chunk;
    if (!isOurs || area.header.chunkBytes !== ring.chunkBytes) return { kind: "empty", gen: 0 };
    if (area.kind === "erased") return { kind: "empty", gen: area.header.gen };
    const { header, init } = area;
    const table = believeTrailer ? await readTrailer(file, header.gen, chunk, ring.chunkBytes) : undefined;
    const entries = table ?? (await scanFragments(file, header.gen, ring.chunkBytes));
    if (entries.length === 0) return { kind: "empty", gen: header.gen };
    return { kind: "footage", header, init, entries, recovered: table === undefined };
  } finally {
    await file.close();
  }
}

/** Writes what a crash kept from being written: the cover over what is left of older uses, and the trailer. */
export async function closeChunk(fs: FsPort, path: string, header: ChunkHeader, entries: readonly FragmentEntry[]): Promise<void> {
  const { gen, chunk, chunkBytes } = header;
  const endOffset = HEADER_AREA_BYTES + extentOf(entries).sizeBytes;
  const file = await fs.open(path, "update");
  try {
    await file.write([freeHeader(trailerOffset(chunkBytes) - endOffset)], endOffset);
    await file.write([writeTrailer(gen, chunk, entries)], trailerOffset(chunkBytes));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What the index is told of a chunk that was found. */
export function recordsOf(found: FoundChunk & { readonly kind: "footage" }, cameraId: number): IndexRecord[] {
  const { header, entries, recovered } = found;
  const close: IndexRecord = {
    ...dropRecord(header.chunk, header.gen),
    ...extentOf(entries),
    type: "close",
    cameraId,
    bootCounter: header.bootCounter,
    run: header.runId % 2 ** 32,
    monoUs: header.monoUs,
    gapCause: header.gapBefore,
    recovered,
    utcUs: header.utcUs,
  };
  const gaps = gapsOf(header.monoUs, entries).map(
    ({ monoUs, durationMs, cause }): IndexRecord => ({ ...close, type: "gap", monoUs, durationMs, gapCause: cause }),
  );
  return [close, ...gaps];
}

function gapsOf(startUs: number, entries: readonly FragmentEntry[]): Gap[] {
  const gaps: Gap[] = [];
  for (let i = 1; i < entries.length; i++) {
    const { flags, sinceStartMs } = entries[i]!;
    const endMs = entries[i - 1]!.sinceStartMs + entries[i - 1]!.durationMs;
    if (flags.gapBefore !== undefined)
      gaps.push({ monoUs: startUs + endMs * 1000, durationMs: Math.max(0, sinceStartMs - endMs), cause: flags.gapBefore });
  }
  return gaps;
}

// Walks the fragments of a chunk and believes nothing that is not of this use of it and whole: the rest of the chunk holds valid MP4 of older laps.
import { crc32 } from "node:zlib";
import type { FsFile } from "#base/fs-port.ts";
import { type HeaderArea, parseHeaderArea } from "./chunk-header.ts";
import { entryTimes } from "./chunk-writer.ts";
import { type FragmentHeader, GWRF_BYTES, parseFragmentHeader } from "./fragment-header.ts";
import { FREE_HEADER_BYTES, HEADER_AREA_BYTES, TRAILER_AREA_BYTES, trailerOffset } from "./layout.ts";
import { type FragmentEntry, MAX_FRAGMENTS, parseTrailer } from "./trailer.ts";

/** A fragment with its header and what follows: `moof` and `mdat`. */
export interface FragmentBytes {
  readonly header: FragmentHeader;
  readonly bytes: Buffer;
}

/** Undefined: not ours, never used, or torn. Rejects when it cannot be read. */
export async function readHeaderArea(file: FsFile): Promise<HeaderArea | undefined> {
  const bytes = Buffer.alloc(HEADER_AREA_BYTES);
  await file.read(bytes, 0);
  return parseHeaderArea(bytes);
}

/** The table of a closed chunk; undefined: it was not closed, or its trailer is damaged. Rejects when it cannot be read. */
export async function readTrailer(file: FsFile, gen: number, chunk: number, chunkBytes: number): Promise<FragmentEntry[] | undefined> {
  const bytes = Buffer.alloc(TRAILER_AREA_BYTES);
  const filled = await file.read(bytes, trailerOffset(chunkBytes));
  return parseTrailer(bytes.subarray(0, filled), gen, chunk, chunkBytes);
}

/** The fragment at `offset`, if it is whole and of this use of the chunk. Rejects when it cannot be read. */
export async function readFragment(file: FsFile, gen: number, offset: number, chunkBytes: number): Promise<FragmentBytes | undefined> {
  const head = Buffer.alloc(GWRF_BYTES);
  const room = trailerOffset(chunkBytes) - FREE_HEADER_BYTES - offset - GWRF_BYTES;
  if (room < 0 || (await file.read(head, offset)) < GWRF_BYTES) return undefined;
  const header = parseFragmentHeader(head);
  if (header === undefined || header.gen !== gen || header.sizeBytes > room) return undefined;
  const bytes = Buffer.allocUnsafeSlow(header.sizeBytes);
  if ((await file.read(bytes, offset + GWRF_BYTES)) < bytes.length || crc32(bytes) !== header.crc) return undefined;
  return { header, bytes };
}

/** All fragments from the first to the last before one that is missing, torn, of an older lap, or out of turn. Rejects when it cannot be read. */
export async function scanFragments(file: FsFile, gen: number, chunkBytes: number): Promise<FragmentEntry[]> {
  const entries: FragmentEntry[] = [];
  let startUs = 0;
  for (let offset = HEADER_AREA_BYTES; entries.length < MAX_FRAGMENTS; ) {
    const fragment = await readFragment(file, gen, offset, chunkBytes);
    if (fragment === undefined || fragment.header.sequence !== entries.length) break;
    const { monoUs, durationUs, sizeBytes, flags, crc } = fragment.header;
    if (entries.length === 0) startUs = monoUs;
    entries.push({ offset, sizeBytes, ...entryTimes(startUs, monoUs, durationUs), flags, crc });
    offset += GWRF_BYTES + sizeBytes;
  }
  return entries;
}

// Writes one chunk: header, fragments each with one call, trailer. What is durable when, is decided by who calls sync.
import { crc32 } from "node:zlib";
import type { FsFile, FsPort } from "#base/fs-port.ts";
import type { ChunkHeader } from "./chunk-header.ts";
import { type FragmentFlags, GWRF_BYTES, writeFragmentHeader } from "./fragment-header.ts";
import { FREE_HEADER_BYTES, freeHeader, HEADER_AREA_BYTES, TRAILER_AREA_BYTES, trailerOffset } from "./layout.ts";
import { type FragmentEntry, MAX_FRAGMENTS, writeTrailer } from "./trailer.ts";

/** A fragment that is ready to be written: `moof` and `mdat` in pieces. */
export interface MuxedFragment {
  readonly buffers: readonly Buffer[];
  readonly sizeBytes: number;
  readonly monoUs: number;
  readonly utcUs: number;
  readonly senderUtcUs: number;
  readonly epochUs: number;
  readonly ticks: number;
  readonly durationUs: number;
  readonly frames: number;
  readonly flags: FragmentFlags;
}

/** What a chunk holds. */
export interface ChunkExtent {
  readonly durationMs: number;
  /** Fragments with their headers. */
  readonly sizeBytes: number;
  readonly fragments: number;
}

/** Room for fragments of a chunk, headers included. */
export function capacityOf(chunkBytes: number): number {
  return trailerOffset(chunkBytes) - HEADER_AREA_BYTES - FREE_HEADER_BYTES;
}

/** Where a fragment stands in its chunk's time, rounded so that neighbours touch. */
export function entryTimes(
  startUs: number,
  monoUs: number,
  durationUs: number,
): { readonly sinceStartMs: number; readonly durationMs: number } {
  const sinceStartMs = Math.max(0, Math.round((monoUs - startUs) / 1000));
  return { sinceStartMs, durationMs: Math.max(0, Math.round((monoUs + durationUs - startUs) / 1000) - sinceStartMs) };
}

export function extentOf(entries: readonly FragmentEntry[]): ChunkExtent {
  const last = entries.at(-1);
  return {
    durationMs: entries.reduce((end, { sinceStartMs, durationMs }) => Math.max(end, sinceStartMs + durationMs), 0),
    sizeBytes: last === undefined ? 0 : last.offset + GWRF_BYTES + last.sizeBytes - HEADER_AREA_BYTES,
    fragments: entries.length,
  };
}

/** Calls come one after the other. A rejection is the file system's; after it the chunk takes no more: `abandon`. */
export class ChunkWriter {
  readonly header: ChunkHeader;
  readonly #file: FsFile;
  readonly #entries: FragmentEntry[] = [];
  #position = HEADER_AREA_BYTES;
  #durationMs = 0;
  #syncedCount = 0;
  #largestGopBytes = 0;
  #gopStart = HEADER_AREA_BYTES;

  private constructor(file: FsFile, header: ChunkHeader) {
    this.#file = file;
    this.header = header;
  }

  /** The chunk is this camera's, and empty, on the medium when it resolves. `area` is from writeHeaderArea. */
  static async begin(fs: FsPort, path: string, header: ChunkHeader, area: Buffer): Promise<ChunkWriter> {
    const file = await fs.open(path, "update");
    try {
      await file.write([freeHeader(TRAILER_AREA_BYTES)], trailerOffset(header.chunkBytes));
      await file.write([area], 0);
      await file.sync();
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    return new ChunkWriter(file, header);
  }

  /** In order. Readers may look at it while it grows. */
  get entries(): readonly FragmentEntry[] {
    return this.#entries;
  }

  get extent(): ChunkExtent {
    return { durationMs: this.#durationMs, sizeBytes: this.#position - HEADER_AREA_BYTES, fragments: this.#entries.length };
  }

  get isDirty(): boolean {
    return this.#syncedCount < this.#entries.length;
  }

  /**
   * Whether a fragment goes into this chunk. One that begins with a keyframe does not when the group of pictures behind it hardly fits: chunks that begin
   * with a keyframe can be read without the one before.
   */
  takes(sizeBytes: number, keyframe: boolean): boolean {
    const room = trailerOffset(this.header.chunkBytes) - FREE_HEADER_BYTES - this.#position;
    if (this.#entries.length >= MAX_FRAGMENTS || GWRF_BYTES + sizeBytes > room) return false;
    const isLate = room < capacityOf(this.header.chunkBytes) / 8;
    return !(keyframe && isLate && room < this.#largestGopBytes);
  }

  /** One write: header, fragment, and the `free` box that covers what is left of older uses. */
  async write(fragment: MuxedFragment): Promise<void> {
    const { sizeBytes, flags, monoUs } = fragment;
    const offset = this.#position;
    const end = offset + GWRF_BYTES + sizeBytes;
    const crc = fragment.buffers.reduce((sum, buffer) => crc32(buffer, sum), 0);
    const head = writeFragmentHeader({
      gen: this.header.gen,
      sequence: this.#entries.length,
      sizeBytes,
      crc,
      monoUs,
      utcUs: fragment.utcUs,
      senderUtcUs: fragment.senderUtcUs,
      epochUs: fragment.epochUs,
      ticks: fragment.ticks,
      durationUs: fragment.durationUs,
      frames: fragment.frames,
      flags,
    });
    await this.#file.write([head, ...fragment.buffers, freeHeader(trailerOffset(this.header.chunkBytes) - end)], offset);
    const times = entryTimes(this.header.monoUs, monoUs, fragment.durationUs);
    this.#entries.push({ offset, sizeBytes, ...times, flags, crc });
    this.#position = end;
    this.#durationMs = Math.max(this.#durationMs, times.sinceStartMs + times.durationMs);
    if (flags.keyframe) this.#gopStart = offset;
    this.#largestGopBytes = Math.max(this.#largestGopBytes, end - this.#gopStart);
  }

  /** After a rejection what was written since the last sync is not there. */
  async sync(): Promise<void> {
    const count = this.#entries.length;
    await this.#file.sync();
    this.#syncedCount = count;
  }

  /** After the last fragment. A sync makes it durable with the rest. */
  async writeTrailer(): Promise<void> {
    await this.#file.write([writeTrailer(this.header.gen, this.header.chunk, this.#entries)], trailerOffset(this.header.chunkBytes));
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => {});
  }

  /** Gives the file up after a fault, without another try: what is durable is what was synced. The table ends there. */
  async abandon(): Promise<void> {
    this.#entries.length = this.#syncedCount;
    const { durationMs, sizeBytes } = extentOf(this.#entries);
    this.#durationMs = durationMs;
    this.#position = HEADER_AREA_BYTES + sizeBytes;
    await this.close();
  }
}

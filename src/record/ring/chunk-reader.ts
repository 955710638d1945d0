// Reads the fragments of one chunk while it is kept from being overwritten. Whatever is damaged is left out.

import type { FsFile } from "#base/fs-port.ts";
import { type ParsedInit, parseInit } from "#containers/fmp4/parse-init.ts";
import { diskFaultOf } from "../disk-fault.ts";
import type { ChunkHeader } from "./chunk-header.ts";
import { type FragmentBytes, readFragment, readHeaderArea, readTrailer, scanFragments } from "./chunk-scan.ts";
import type { ChunkRef } from "./read-plan.ts";
import type { FragmentEntry } from "./trailer.ts";
import type { RingVolume } from "./volume.ts";

export class ChunkReader {
  readonly header: ChunkHeader;
  readonly init: ParsedInit;
  /** Of a chunk that is being written it grows while it is looked at. */
  readonly entries: readonly FragmentEntry[];
  readonly #file: FsFile;
  readonly #release: () => void;

  private constructor(file: FsFile, release: () => void, header: ChunkHeader, init: ParsedInit, entries: readonly FragmentEntry[]) {
    this.#file = file;
    this.#release = release;
    this.header = header;
    this.init = init;
    this.entries = entries;
  }

  /** Undefined: it was overwritten meanwhile, or is damaged, or cannot be read. */
  static async open(volume: RingVolume, { chunk, gen }: ChunkRef): Promise<ChunkReader | undefined> {
    const facts = volume.index.facts(chunk);
    if (facts === undefined || facts.gen !== gen) return undefined;
    const release = volume.hold(chunk);
    let file: FsFile | undefined;
    try {
      file = await volume.parts.fs.open(volume.pathOf(chunk), "read");
      const area = await readHeaderArea(file);
      const init = area?.kind === "footage" && area.header.gen === gen ? parseInit(area.init) : undefined;
      if (area?.kind === "footage" && init !== undefined) {
        const { chunkBytes } = area.header;
        const entries =
          volume.openChunks.get(chunk)?.entries ??
          (await readTrailer(file, gen, chunk, chunkBytes)) ??
          // What the index does not know of was not durable when the medium failed.
          (await scanFragments(file, gen, chunkBytes)).slice(0, facts.fragments);
        return new ChunkReader(file, release, area.header, init, entries);
      }
    } catch (error) {
      if (diskFaultOf(error) === undefined) throw error;
    }
    await file?.close().catch(() => {});
    release();
    return undefined;
  }

  /** Monotonic clock at the first sample of an entry. */
  startUsOf(entry: FragmentEntry): number {
    return this.header.monoUs + entry.sinceStartMs * 1000;
  }

  /** Undefined: damaged, or it cannot be read. */
  async fragment(entry: FragmentEntry): Promise<FragmentBytes | undefined> {
    try {
      return await readFragment(this.#file, this.header.gen, entry.offset, this.header.chunkBytes);
    } catch (error) {
      if (diskFaultOf(error) === undefined) throw error;
      return undefined;
    }
  }

  async close(): Promise<void> {
    this.#release();
    await this.#file.close().catch(() => {});
  }
}

// Makes the index from the chunks: they are the truth, the index is not. One chunk at a time, while recording goes on in those that were seen.

import type { FsPort } from "#base/fs-port.ts";
import { diskFaultOf, isOfMedium } from "../disk-fault.ts";
import { chunkFolder, chunkPath } from "./layout.ts";
import { closeChunk, findChunk, recordsOf } from "./recover-chunk.ts";
import { dropRecord } from "./ring-index.ts";
import type { RingVolume } from "./volume.ts";

/** With this many seen, spread over the ring, the oldest of them is old enough to be overwritten. */
export const FIRST_CHUNKS = 64;

export class Rebuild {
  readonly #volume: RingVolume;
  readonly #chunks: readonly number[];
  /** Gens from here on are of this start. */
  readonly #firstGen: number;
  #next = 0;

  private constructor(volume: RingVolume, chunks: readonly number[], firstGen: number) {
    this.#volume = volume;
    this.#chunks = chunks;
    this.#firstGen = firstGen;
  }

  static async begin(volume: RingVolume): Promise<Rebuild> {
    const { fs, root, ring, genLimit } = volume.parts;
    return new Rebuild(volume, spread(await chunkFiles(fs, root, ring.chunks), FIRST_CHUNKS), genLimit);
  }

  get isDone(): boolean {
    return this.#next > this.#chunks.length;
  }

  get chunks(): number {
    return this.#chunks.length;
  }

  /** Looks at the next chunk; after the last one checks the newest of each camera and writes the index. Rejects with a fault of the medium only. */
  async step(): Promise<void> {
    const chunk = this.#chunks[this.#next++];
    if (chunk !== undefined) await this.#look(chunk, true);
    else await this.#finish();
  }

  async #look(chunk: number, believeTrailer: boolean): Promise<void> {
    const { fs, ring, names } = this.#volume.parts;
    const path = this.#volume.pathOf(chunk);
    try {
      const found = await findChunk(fs, path, chunk, ring, believeTrailer);
      if (found.kind === "empty") {
        await this.#volume.append([dropRecord(chunk, found.gen)]);
        return;
      }
      const cameraId = names.idOf(found.header.camera) ?? names.assign(found.header.camera, () => true);
      if (cameraId === undefined) return;
      if (found.recovered) await closeChunk(fs, path, found.header, found.entries);
      await this.#volume.append(recordsOf(found, cameraId));
    } catch (error) {
      const fault = diskFaultOf(error);
      if (fault === undefined || isOfMedium(fault)) throw error;
      await this.#volume.append([dropRecord(chunk, 0, true)]);
      this.#volume.countBad(chunk, fault.message);
    }
  }

  async #finish(): Promise<void> {
    const { index } = this.#volume;
    for (const cameraId of index.cameraIds()) {
      const order = index.camera(cameraId)!.order;
      for (let place = order.length - 1; place >= 0; place--) {
        const chunk = order.at(place);
        if (index.genOf(chunk) >= this.#firstGen) continue;
        if (index.facts(chunk)?.recovered === false) await this.#check(chunk);
        break;
      }
    }
    this.#volume.isRebuilding = false;
    await this.#volume.checkpoint();
  }

  /** A trailer may have been on the medium before the last fragments it tells of. */
  async #check(chunk: number): Promise<void> {
    const { fs, ring } = this.#volume.parts;
    const known = this.#volume.index.facts(chunk)!;
    const found = await findChunk(fs, this.#volume.pathOf(chunk), chunk, ring, false);
    if (found.kind === "empty" || found.entries.length < known.fragments) await this.#look(chunk, false);
  }
}

/** Numbers of the chunk files that are there, in order. */
export async function chunkFiles(fs: FsPort, root: string, chunks: number): Promise<number[]> {
  const found: number[] = [];
  for (let first = 0; first < chunks; first += 100) {
    const folder = chunkFolder(first);
    for (const { name } of (await fs.list(`${root}/${folder}`)) ?? []) {
      const chunk = Number.parseInt(name, 10);
      if (chunk < chunks && chunkPath(chunk) === `${folder}/${name}`) found.push(chunk);
    }
  }
  return found.sort((a, b) => a - b);
}

/** `count` numbers from all over the list first, then the rest in order. */
function spread(numbers: readonly number[], count: number): number[] {
  const stride = Math.max(1, Math.ceil(numbers.length / count));
  return [...numbers.filter((_, place) => place % stride === 0), ...numbers.filter((_, place) => place % stride !== 0)];
}

// Writes one segment: its folder and name, parts one after the other, and its duration once it is known.
import { dirname } from "node:path";
import type { FsFile, FsPort } from "#base/fs-port.ts";
import { writeDuration } from "#containers/fmp4/init.ts";
import { type DriftPoint, writeDrift } from "#containers/fmp4/stamp-box.ts";
import type { DurableFolders } from "./durable-folders.ts";
import { isCode } from "./error-code.ts";
import type { SegmentHeadBytes } from "./segment-format.ts";

export class SegmentWriter {
  readonly path: string;
  readonly #fs: FsPort;
  readonly #file: FsFile;
  readonly #head: SegmentHeadBytes;
  #sizeBytes = 0;
  #isDirty = false;
  #isLost = false;
  #isNamed = false;
  #drift: Buffer | undefined;

  private constructor(fs: FsPort, path: string, file: FsFile, head: SegmentHeadBytes) {
    this.#fs = fs;
    this.path = path;
    this.#file = file;
    this.#head = head;
  }

  /** Rejects as the file system does; with EEXIST where there is a file of that name. */
  static async create(fs: FsPort, folders: DurableFolders, path: string, head: SegmentHeadBytes): Promise<SegmentWriter> {
    const folder = dirname(path);
    await folders.make(folder);
    let file: FsFile;
    try {
      file = await fs.open(path, "create-new");
    } catch (error) {
      // An empty folder may be tidied away between the two.
      if (!isCode(error, "ENOENT")) throw error;
      folders.forget(folder);
      await folders.make(folder);
      file = await fs.open(path, "create-new");
    }
    return new SegmentWriter(fs, path, file, head);
  }

  /** Written so far. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** A sync failed: what was written since the one before may be gone, whatever a later sync says. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** The head goes with the first part. */
  async write(part: readonly Buffer[]): Promise<void> {
    const buffers = this.#sizeBytes === 0 ? [this.#head.bytes, ...part] : part;
    this.#isDirty = true;
    await this.#file.write(buffers, this.#sizeBytes);
    this.#sizeBytes += buffers.reduce((sum, { length }) => sum + length, 0);
  }

  /** Goes into the head with the next sync. */
  setDrift(points: readonly DriftPoint[]): void {
    this.#drift = writeDrift(points);
  }

  async sync(): Promise<void> {
    if (!this.#isDirty) return;
    const [drift, { driftOffset }] = [this.#drift, this.#head];
    this.#drift = undefined;
    if (drift !== undefined && driftOffset !== undefined) await this.#file.write([drift], driftOffset);
    try {
      await this.#file.sync();
      // The name comes after the head: a name without one is of no use to anybody.
      if (!this.#isNamed) await this.#fs.syncFolder(dirname(this.path));
      this.#isNamed = true;
    } catch (error) {
      this.#isLost = true;
      throw error;
    }
    this.#isDirty = false;
  }

  /** What a failed write left behind the last whole part goes. */
  async cutToParts(): Promise<void> {
    await this.#file.truncate(this.#sizeBytes);
  }

  /** Writes the duration once all before it is safe: a file with a duration is whole. */
  async finish(durationUs: number): Promise<void> {
    await this.sync();
    const { durationOffset } = this.#head;
    if (durationOffset === undefined) return;
    await this.#file.write([writeDuration(Math.max(1, durationUs / 1000))], durationOffset);
    this.#isDirty = true;
    await this.sync();
  }

  /** Never rejects: it is of no matter any more. */
  close(): Promise<void> {
    return closed(this.#file);
  }
}

async function closed(file: FsFile): Promise<void> {
  await file.close().catch(() => {});
}

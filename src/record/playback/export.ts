// Copies footage of a path to a folder as plain MP4 files: onto a USB stick, or for whoever fetches a clip later. All of it is there in the end, or nothing.
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { CallerFault, errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import { diskFaultOf } from "../disk-fault.ts";
import type { RecordingIndex } from "../recording-index.ts";
import { StoreFault } from "../store.ts";
import type { ClipEnd } from "./clip-reader.ts";
import type { TrackChoice } from "./clip-tracks.ts";
import { FootageChanged } from "./frame-fetcher.ts";
import { DEFAULT_LIMITS, type Mp4Clip, type Mp4Limits, openMp4Clip } from "./mp4-clip.ts";
import { EmptyClip } from "./no-clip.ts";
import { fileTime } from "./time-text.ts";

export interface ExportWish {
  readonly path: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
  /** Made where it is not there. */
  readonly folder: string;
  /** Default: all. */
  readonly choice?: TrackChoice;
}

export interface ExportParts {
  readonly fs: FsPort;
  readonly index: RecordingIndex;
  /** From 0 to 1; never falls. */
  readonly onProgress?: (fraction: number) => void;
  /** Default: what a stick with FAT32 can hold. */
  readonly maxFileBytes?: number;
}

export interface ExportedFile {
  /** In the folder. */
  readonly name: string;
  readonly sizeBytes: number;
  /** UTC of the first picture, and of the end of the last one. */
  readonly startUtcUs: number;
  readonly endUtcUs: number;
  /** Hex. */
  readonly sha256: string;
}

/** A file grows past its limit up to the next keyframe. */
const FAT32_FILE_BYTES = 2 ** 32 - 2 ** 27;
const WRITE_BYTES = 2 ** 20;
/** While it is written. */
const PART = ".part";

/**
 * A file for each run of footage that a player can play on; gaps are left out of its time. Rejects with a CallerFault when there is nothing to export or it
 * changed meanwhile, with a StoreFault when it cannot be written, and with the signal's reason when it is aborted.
 */
export async function exportClip(wish: ExportWish, parts: ExportParts, signal: AbortSignal): Promise<readonly ExportedFile[]> {
  const task = new Export(wish, parts, signal);
  try {
    return await task.run();
  } catch (error) {
    await task.undo();
    if (error instanceof FootageChanged) throw new CallerFault("conflict", error.message);
    const fault = signal.aborted || error instanceof CallerFault ? undefined : diskFaultOf(error);
    if (fault === undefined) throw error;
    throw fault === error ? fault : new StoreFault(fault.code, `the export cannot be written: ${errorText(error)}`, { cause: error });
  }
}

class Export {
  readonly #wish: ExportWish;
  readonly #parts: ExportParts;
  readonly #signal: AbortSignal;
  readonly #files: ExportedFile[] = [];
  /** Names in the folder that are ours. */
  readonly #made = new Set<string>();
  /** From the one that is wanted up to the first that was there already. */
  readonly #folders: string[] = [];
  #extent = { fromUtcUs: 0, toUtcUs: 1 };
  #readUtcUs = 0;
  #writtenUtcUs = 0;
  #told = 0;

  constructor(wish: ExportWish, parts: ExportParts, signal: AbortSignal) {
    this.#wish = wish;
    this.#parts = parts;
    this.#signal = signal;
  }

  async run(): Promise<readonly ExportedFile[]> {
    const { path, folder, toUtcUs, choice = "all" } = this.#wish;
    const { fs, index, maxFileBytes = FAT32_FILE_BYTES } = this.#parts;
    await this.#measure();
    const limits: Mp4Limits = { ...DEFAULT_LIMITS, maxBytes: maxFileBytes, split: true };
    await this.#makeFolder();
    let next: ClipEnd | undefined = this.#wish;
    while (next !== undefined) {
      const { fromUtcUs, withoutRuns }: ClipEnd = next;
      const wanted = { path, fromUtcUs, toUtcUs, skipGaps: true, choice, ...(withoutRuns && { withoutRuns }) };
      const clip: Mp4Clip = await openMp4Clip(index, wanted, limits, this.#signal, (utcUs) => this.#noteRead(utcUs));
      await this.#write(clip);
      next = clip.next;
    }
    for (const { name } of this.#files) {
      this.#signal.throwIfAborted();
      await fs.rename(join(folder, name + PART), join(folder, name));
      this.#made.delete(name + PART);
      this.#made.add(name);
    }
    for (const changed of this.#folders) await fs.syncFolder(changed);
    this.#tell(1);
    return this.#files;
  }

  /** Removes what was made. */
  async undo(): Promise<void> {
    const { fs } = this.#parts;
    const { folder } = this.#wish;
    for (const name of this.#made) await fs.remove(join(folder, name)).catch(() => {}); // the first fault is what is told
    for (const made of this.#folders.slice(0, -1)) await fs.removeFolder(made).catch(() => {});
  }

  async #makeFolder(): Promise<void> {
    const { fs } = this.#parts;
    for (let folder = this.#wish.folder; ; folder = dirname(folder)) {
      this.#folders.push(folder);
      if (dirname(folder) === folder || (await fs.facts(folder)) !== undefined) break;
    }
    await fs.makeFolder(this.#wish.folder);
  }

  /** Throws an EmptyClip. */
  async #measure(): Promise<void> {
    const { path, fromUtcUs, toUtcUs } = this.#wish;
    const spans = await this.#parts.index.spans(path, { fromUtcUs, toUtcUs });
    const [first, last] = [spans[0], spans.at(-1)];
    if (first === undefined || last === undefined) throw new EmptyClip();
    this.#extent = { fromUtcUs: first.startUtcUs, toUtcUs: Math.max(first.startUtcUs + 1, last.startUtcUs + last.durationUs) };
    this.#readUtcUs = this.#extent.fromUtcUs;
    this.#writtenUtcUs = this.#extent.fromUtcUs;
  }

  async #write(clip: Mp4Clip): Promise<void> {
    const { fs } = this.#parts;
    const { folder } = this.#wish;
    const { freeBytes } = await fs.space(folder);
    if (freeBytes < clip.sizeBytes) {
      throw new StoreFault("full", `the export needs ${megabytes(clip.sizeBytes)}, and ${megabytes(freeBytes)} are free`);
    }
    const name = await this.#freeName(clip.startUtcUs);
    this.#made.add(name + PART);
    const file = await fs.open(join(folder, name + PART), "create");
    const hash = createHash("sha256");
    try {
      const [fromUtcUs, endUtcUs] = [this.#writtenUtcUs, clip.next?.fromUtcUs ?? this.#extent.toUtcUs];
      let position = 0;
      let buffers: Buffer[] = [];
      let waitingBytes = 0;
      const flush = async (): Promise<void> => {
        if (waitingBytes > 0) await file.write(buffers, position);
        position += waitingBytes;
        buffers = [];
        waitingBytes = 0;
        this.#writtenUtcUs = fromUtcUs + ((endUtcUs - fromUtcUs) * position) / clip.sizeBytes;
        this.#noteProgress();
      };
      for await (const bytes of clip.bytes(0, clip.sizeBytes, this.#signal)) {
        this.#signal.throwIfAborted();
        buffers.push(bytes);
        hash.update(bytes);
        waitingBytes += bytes.length;
        if (waitingBytes >= WRITE_BYTES) await flush();
      }
      this.#signal.throwIfAborted();
      await flush();
      await file.sync();
    } finally {
      await file.close();
    }
    const { sizeBytes, startUtcUs, endUtcUs } = clip;
    this.#files.push({ name, sizeBytes, startUtcUs, endUtcUs, sha256: hash.digest("hex") });
  }

  /** By path and local time; a number where there is such a file already. */
  async #freeName(startUtcUs: number): Promise<string> {
    const { path, folder } = this.#wish;
    const stem = `${path.replaceAll("/", "_")}_${fileTime(startUtcUs)}`;
    for (let copy = 1; ; copy++) {
      const name = copy === 1 ? `${stem}.mp4` : `${stem}_${copy}.mp4`;
      if (!this.#made.has(name + PART) && (await this.#parts.fs.facts(join(folder, name))) === undefined) return name;
    }
  }

  #noteRead(utcUs: number): void {
    this.#readUtcUs = Math.max(this.#readUtcUs, utcUs);
    this.#noteProgress();
  }

  /** Footage is read twice: for the index of a file, then for the file. */
  #noteProgress(): void {
    const { fromUtcUs, toUtcUs } = this.#extent;
    this.#tell((this.#readUtcUs - fromUtcUs + (this.#writtenUtcUs - fromUtcUs)) / (2 * (toUtcUs - fromUtcUs)));
  }

  #tell(fraction: number): void {
    this.#told = Math.min(1, Math.max(this.#told, fraction));
    this.#parts.onProgress?.(this.#told);
  }
}

function megabytes(sizeBytes: number): string {
  return `${(sizeBytes / 1e6).toFixed(1)} MB`;
}

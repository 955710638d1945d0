// What both stores hold, as the API lists it: files one by one, of the ring the spans.
import { CallerFault } from "#base/errors.ts";
import type { FilesIndex } from "#record/files/files-index.ts";
import type { RecordingIndex } from "#record/recording-index.ts";

export interface RecordingLibraryOptions {
  readonly files: Pick<FilesIndex, "paths" | "segments" | "deleteSegment">;
  /** Undefined: there is none. */
  readonly ring: Pick<RecordingIndex, "paths" | "spans"> | undefined;
}

export class RecordingLibrary {
  readonly #files: RecordingLibraryOptions["files"];
  readonly #ring: RecordingLibraryOptions["ring"];

  constructor({ files, ring }: RecordingLibraryOptions) {
    this.#files = files;
    this.#ring = ring;
  }

  /** Names of paths with recordings, sorted. */
  async paths(): Promise<readonly string[]> {
    const names = new Set([...(await this.#files.paths()), ...((await this.#ring?.paths()) ?? [])]);
    return [...names].sort();
  }

  /** UTC in µs since 1970 of where each segment of a path begins, ascending. */
  async startsOf(path: string): Promise<readonly number[]> {
    const recorded = [...(await this.#files.segments(path)), ...((await this.#ring?.spans(path)) ?? [])];
    return recorded.map(({ startUtcUs }) => startUtcUs).sort((a, b) => a - b);
  }

  /** Throws a CallerFault: there is none, or it may not be deleted; and the file system's error. */
  async deleteSegment(path: string, startUtcUs: number): Promise<void> {
    try {
      await this.#files.deleteSegment(path, startUtcUs);
    } catch (error) {
      const isMissing = error instanceof CallerFault && error.code === "not-found";
      if (!isMissing || !(await this.#ring?.paths())?.includes(path)) throw error;
      throw new CallerFault("invalid", "what the ring holds cannot be deleted by segments: it makes room by itself", "start");
    }
  }
}

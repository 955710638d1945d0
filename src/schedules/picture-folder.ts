// Pictures that were taken at set times: a folder for each path, of which the oldest go when there are too many.
import { join } from "node:path";
import type { FsPort } from "#base/fs-port.ts";
import { replaceFile } from "#base/replace-file.ts";

export interface Picture {
  readonly bytes: Buffer;
  readonly extension: "jpg" | "mp4";
  /** When it was taken. */
  readonly utcMs: number;
}

export interface PictureFolderOptions {
  readonly fs: FsPort;
  /** Below it is a folder for each path, as it is called. */
  readonly directory: string;
}

/** `20261130T220000Z.jpg`: names in the order of time. */
const NAME = /^\d{8}T\d{6}Z\.(?:jpg|mp4)$/;
/** The rest keeps something there as well: messages to the NOC, journals. */
const LEAST_FREE_RATIO = 0.05;

export class PictureFolder {
  readonly #options: PictureFolderOptions;

  constructor(options: PictureFolderOptions) {
    this.#options = options;
  }

  /** `path` is a valid name of one. Resolves when the picture is on the medium. Rejects in words, or with the system's error. */
  async add(path: string, { bytes, extension, utcMs }: Picture, keep: number): Promise<void> {
    const { fs, directory } = this.#options;
    const folder = join(directory, path);
    await fs.makeFolder(folder);
    await this.#removeOldest(folder, keep - 1);
    const { freeBytes, totalBytes } = await fs.space(folder);
    if (freeBytes - bytes.length < totalBytes * LEAST_FREE_RATIO) {
      throw new Error(`no picture is kept: less than ${LEAST_FREE_RATIO * 100} % of the file system of ${directory} would be free`);
    }
    const name = `${new Date(utcMs).toISOString().replace(/\.\d+/, "").replace(/[-:]/g, "")}.${extension}`;
    await replaceFile(fs, join(folder, name), bytes);
  }

  async #removeOldest(folder: string, keep: number): Promise<void> {
    const { fs } = this.#options;
    const names = ((await fs.list(folder)) ?? []).filter(({ name, isFolder }) => !isFolder && NAME.test(name)).map(({ name }) => name);
    for (const name of names.sort().slice(0, Math.max(0, names.length - keep))) await fs.remove(join(folder, name));
  }
}

// Makes folders whose names outlive a loss of power.
import { dirname } from "node:path";
import type { FsPort } from "#base/fs-port.ts";
import { isCode } from "./error-code.ts";
import { isInside } from "./segment-places.ts";

/** Folders whose names are known to be durable, and how new ones become so. */
export class DurableFolders {
  readonly #fs: FsPort;
  readonly #root: string;
  readonly #known = new Set<string>();

  /** `root`: where all files lie; it may have to be made itself. */
  constructor(fs: FsPort, root: string) {
    this.#fs = fs;
    this.#root = root;
  }

  /** Makes the folder of a file, and its name durable. */
  async make(folder: string): Promise<void> {
    await this.#fs.makeFolder(folder);
    if (this.#known.has(folder)) return;
    const above = dirname(this.#root);
    for (let at = folder; at !== above && isInside(at, above); at = dirname(at)) await this.#sync(dirname(at));
    this.#known.add(folder);
  }

  /** Somebody deleted it. */
  forget(folder: string): void {
    this.#known.delete(folder);
  }

  /** Folders above ours may be nobody's to open. */
  async #sync(folder: string): Promise<void> {
    try {
      await this.#fs.syncFolder(folder);
    } catch (error) {
      if (!isCode(error, "EACCES") && !isCode(error, "EPERM")) throw error;
    }
  }
}

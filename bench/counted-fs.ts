// The file system of this machine, with what is asked of it counted: bytes and syncs, and whether something is under way.
import type { FileFacts, FolderEntry, FsFile, FsPort, OpenMode, Space } from "#base/fs-port.ts";
import { NodeFs } from "#base/node-fs.ts";

export class CountedFs implements FsPort {
  writtenBytes = 0;
  syncs = 0;
  /** Calls that are under way. */
  pending = 0;
  readonly #fs = new NodeFs();

  async open(path: string, mode: OpenMode): Promise<FsFile> {
    const file = await this.#count(this.#fs.open(path, mode));
    return {
      read: (buffer, position) => this.#count(file.read(buffer, position)),
      write: (buffers, position) => {
        for (const { length } of buffers) this.writtenBytes += length;
        return this.#count(file.write(buffers, position));
      },
      sync: () => {
        this.syncs++;
        return this.#count(file.sync());
      },
      truncate: (sizeBytes) => this.#count(file.truncate(sizeBytes)),
      size: () => this.#count(file.size()),
      close: () => this.#count(file.close()),
    };
  }

  makeFolder(path: string): Promise<void> {
    return this.#count(this.#fs.makeFolder(path));
  }

  syncFolder(path: string): Promise<void> {
    return this.#count(this.#fs.syncFolder(path));
  }

  list(path: string): Promise<readonly FolderEntry[] | undefined> {
    return this.#count(this.#fs.list(path));
  }

  facts(path: string): Promise<FileFacts | undefined> {
    return this.#count(this.#fs.facts(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#count(this.#fs.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#count(this.#fs.remove(path));
  }

  removeFolder(path: string): Promise<void> {
    return this.#count(this.#fs.removeFolder(path));
  }

  space(path: string): Promise<Space> {
    return this.#count(this.#fs.space(path));
  }

  allocate(path: string, sizeBytes: number): Promise<void> {
    return this.#count(this.#fs.allocate(path, sizeBytes));
  }

  async #count<T>(call: Promise<T>): Promise<T> {
    this.pending++;
    try {
      return await call;
    } finally {
      this.pending--;
    }
  }
}

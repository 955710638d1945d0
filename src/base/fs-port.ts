// What the stores need of a file system: one seam, so that a test can fail, tear and forget any operation of it.

/** Every call rejects with the system's error (`code`: ENOSPC, EIO, EROFS, …). */
export interface FsFile {
  /** Fills `buffer` from `position` on; resolves with the bytes read, fewer only at the end of the file. */
  read(buffer: Buffer, position: number): Promise<number>;
  /** Writes all of `buffers`, one after the other, with one call where it can. */
  write(buffers: readonly Buffer[], position: number): Promise<void>;
  /** fdatasync. After a rejection nothing that was written since the last one may be counted on, and the file must be given up. */
  sync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/**
 * `read`; `update`: read and write what is there; `create`: read and write, made or emptied; `create-private`: the same, and nobody but its owner may read
 * what is made; `create-new`: rejects with EEXIST.
 */
export type OpenMode = "read" | "update" | "create" | "create-private" | "create-new";

export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

export interface FileFacts {
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Identity of the file on its device. */
  readonly device: number;
  readonly inode: number;
}

export interface Space {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface FsPort {
  open(path: string, mode: OpenMode): Promise<FsFile>;
  /** With every folder above it. */
  makeFolder(path: string): Promise<void>;
  /** Makes names in a folder durable: files created, renamed and removed there. */
  syncFolder(path: string): Promise<void>;
  /** Undefined: there is no such folder. */
  list(path: string): Promise<readonly FolderEntry[] | undefined>;
  /** Undefined: there is nothing of that name. */
  facts(path: string): Promise<FileFacts | undefined>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Only when empty. */
  removeFolder(path: string): Promise<void>;
  space(path: string): Promise<Space>;
  /** Makes a file of `sizeBytes` whose blocks are there: later writes into it cannot meet a full medium. */
  allocate(path: string, sizeBytes: number): Promise<void>;
}

// Knows which files lie below a folder, and finds out what others changed there without looking into every folder again.
import { basename, dirname, join } from "node:path";
import type { FsPort } from "#base/fs-port.ts";
import { isInside } from "./segment-places.ts";

/** More are not walked: whoever names / as the folder of recordings does not want all of it read. */
const MAX_FOLDERS = 100_000;
const MAX_FILES = 2_000_000;
/**
 * A change within the same tick of the file system's clock does not show in the folder's time: such a folder is looked into once more. Some file
 * systems count in two seconds.
 */
const SETTLED_MS = 3000;

export interface FolderChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** There was more than is walked. */
  readonly isCut: boolean;
  /** Why a folder could not be read; what was known of it stands. */
  readonly fault: unknown;
}

export interface FolderTreeOptions {
  readonly fs: FsPort;
  /** Files that are kept track of. */
  wants(file: string): boolean;
  /** The clock that the file system stamps folders with. */
  wallMs(): number;
}

interface KnownFolder {
  /** undefined: it is looked into again. */
  readonly modifiedMs: number | undefined;
  readonly files: Set<string>;
  readonly folders: readonly string[];
  /** There are files in it that nobody wants. */
  readonly hasOthers: boolean;
}

export class FolderTree {
  readonly #options: FolderTreeOptions;
  readonly #folders = new Map<string, KnownFolder>();
  /** Since the last answer. */
  readonly #gone = new Set<string>();

  constructor(options: FolderTreeOptions) {
    this.#options = options;
  }

  /** What changed below `root` since the last time. */
  async refresh(root: string): Promise<FolderChanges> {
    const added: string[] = [];
    const seen = new Set<string>();
    const waiting = [root];
    let fault: unknown;
    let files = 0;
    while (waiting.length > 0 && seen.size < MAX_FOLDERS && files < MAX_FILES) {
      const folder = waiting.pop()!;
      let known = this.#folders.get(folder);
      try {
        known = await this.#look(folder, known, added);
      } catch (error) {
        fault = error;
      }
      if (known === undefined) continue;
      seen.add(folder);
      files += known.files.size;
      for (const name of known.folders) waiting.push(join(folder, name));
    }
    const isCut = waiting.length > 0;
    return { added, removed: this.#removed(root, isCut ? undefined : seen), isCut, fault };
  }

  /** The folder was there when it was looked into. */
  knows(folder: string): boolean {
    return this.#folders.has(folder);
  }

  /** A file that was deleted. */
  forget(file: string): void {
    this.#folders.get(dirname(file))?.files.delete(basename(file));
  }

  /** Folders with nothing in them, the deepest first; not `root` itself. */
  emptyFolders(root: string): readonly string[] {
    const inside = [...this.#folders.keys()].filter((folder) => folder !== root && isInside(folder, root));
    inside.sort((a, b) => b.length - a.length);
    const empty = new Set<string>();
    for (const folder of inside) {
      const { files, folders, hasOthers } = this.#folders.get(folder)!;
      if (!hasOthers && files.size === 0 && folders.every((name) => empty.has(join(folder, name)))) empty.add(folder);
    }
    return [...empty];
  }

  /** Undefined: it is no folder any more. */
  async #look(folder: string, known: KnownFolder | undefined, added: string[]): Promise<KnownFolder | undefined> {
    const { fs, wants, wallMs } = this.#options;
    const facts = await fs.facts(folder);
    if (facts?.isFolder !== true) return undefined;
    if (known !== undefined && known.modifiedMs === facts.modifiedMs) return known;
    const entries = await fs.list(folder);
    if (entries === undefined) return undefined;
    const names = entries.filter(({ isFolder }) => !isFolder).map(({ name }) => name);
    const files = names.filter((name) => wants(join(folder, name)));
    for (const name of files) if (known?.files.has(name) !== true) added.push(join(folder, name));
    for (const name of known?.files ?? []) this.#gone.add(join(folder, name));
    for (const name of files) this.#gone.delete(join(folder, name));
    const look: KnownFolder = {
      modifiedMs: Math.abs(wallMs() - facts.modifiedMs) > SETTLED_MS ? facts.modifiedMs : undefined,
      files: new Set(files),
      folders: entries.filter(({ isFolder }) => isFolder).map(({ name }) => name),
      hasOthers: names.length > files.length,
    };
    this.#folders.set(folder, look);
    return look;
  }

  /** Files that are gone, and those of folders that were not `seen` below `root`. */
  #removed(root: string, seen: ReadonlySet<string> | undefined): readonly string[] {
    for (const [folder, { files }] of this.#folders) {
      if (seen === undefined || seen.has(folder) || !isInside(folder, root)) continue;
      for (const name of files) this.#gone.add(join(folder, name));
      this.#folders.delete(folder);
    }
    const removed = [...this.#gone];
    this.#gone.clear();
    return removed;
  }
}

// What a medium holds of folders and files, beside what the programs see: the model of durability behind FaultFs.
//
// A file's bytes are durable once it was synced, its name once its folder was. Of all else a crash keeps anything or nothing: whole writes, single
// sectors of them, or a size without the bytes. Renames are atomic.
import type { Random } from "./mutate.ts";

/** What a medium writes whole or not at all. */
const SECTOR_BYTES = 512;

interface DirtyWrite {
  readonly kind: "write";
  readonly position: number;
  readonly bytes: Buffer;
}

interface DirtySize {
  readonly kind: "size";
  readonly sizeBytes: number;
}

/** Bytes that grow. */
class Image {
  #buffer: Buffer;
  #sizeBytes: number;

  constructor(bytes: Buffer) {
    this.#buffer = Buffer.from(bytes);
    this.#sizeBytes = bytes.length;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#sizeBytes);
  }

  write(position: number, bytes: Buffer): void {
    this.resize(Math.max(this.#sizeBytes, position + bytes.length));
    bytes.copy(this.#buffer, position);
  }

  resize(sizeBytes: number): void {
    if (sizeBytes > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(sizeBytes, 2 * this.#buffer.length));
      this.bytes.copy(larger);
      this.#buffer = larger;
    }
    if (sizeBytes < this.#sizeBytes) this.#buffer.fill(0, sizeBytes, this.#sizeBytes);
    this.#sizeBytes = sizeBytes;
  }
}

export class FileNode {
  readonly inode: number;
  modifiedMs = 0;
  /** As programs see it: the page cache. */
  readonly #seen: Image;
  readonly #durable: Image;
  #dirty: (DirtyWrite | DirtySize)[] = [];

  /** `bytes` are durable from the start. */
  constructor(inode: number, bytes: Buffer = Buffer.alloc(0)) {
    this.inode = inode;
    this.#seen = new Image(bytes);
    this.#durable = new Image(bytes);
  }

  get bytes(): Buffer {
    return this.#seen.bytes;
  }

  get durableBytes(): Buffer {
    return this.#durable.bytes;
  }

  write(position: number, bytes: Buffer): void {
    this.#seen.write(position, bytes);
    this.#dirty.push({ kind: "write", position, bytes: Buffer.from(bytes) });
  }

  truncate(sizeBytes: number): void {
    this.#seen.resize(sizeBytes);
    this.#dirty.push({ kind: "size", sizeBytes });
  }

  sync(): void {
    for (const change of this.#dirty) {
      if (change.kind === "write") this.#durable.write(change.position, change.bytes);
      else this.#durable.resize(change.sizeBytes);
    }
    this.#dirty = [];
  }

  /** A sync failed: Linux takes the pages for clean. They are still read, and no later sync writes them. */
  forgetDirty(): void {
    this.#dirty = [];
  }

  /** As it is found after a crash. */
  afterCrash(random: Random): FileNode {
    const found = new Image(this.#durable.bytes);
    for (const change of this.#dirty) {
      const fate = random(4);
      if (fate === 0) continue;
      if (change.kind === "size") found.resize(change.sizeBytes);
      else if (fate === 1) found.write(change.position, change.bytes);
      else writeTorn(found, change, random, fate === 2);
    }
    const node = new FileNode(this.inode, found.bytes);
    node.modifiedMs = this.modifiedMs;
    return node;
  }
}

/** Each sector got there or did not. `sized`: the new size did, whatever became of the bytes. */
function writeTorn(image: Image, { position, bytes }: DirtyWrite, random: Random, sized: boolean): void {
  const end = position + bytes.length;
  for (let at = position; at < end; ) {
    const next = Math.min(end, at - (at % SECTOR_BYTES) + SECTOR_BYTES);
    if (random(2) === 0) image.write(at, bytes.subarray(at - position, next - position));
    at = next;
  }
  if (sized) image.resize(Math.max(image.bytes.length, end));
}

export type Node = FileNode | FolderNode;

/** A change of names that is not durable yet. */
interface NameChange {
  readonly folders: readonly FolderNode[];
  /** Does it to the durable names. */
  apply(): void;
}

export class FolderNode {
  readonly inode: number;
  /** As programs see them. */
  readonly names = new Map<string, Node>();
  readonly durableNames = new Map<string, Node>();
  modifiedMs = 0;

  constructor(inode: number) {
    this.inode = inode;
  }
}

export class DurableTree {
  readonly root = new FolderNode(1);
  #changes: NameChange[] = [];
  #lastInode = 1;

  newInode(): number {
    return ++this.#lastInode;
  }

  add(folder: FolderNode, name: string, node: Node): void {
    folder.names.set(name, node);
    this.#changes.push({ folders: [folder], apply: () => void folder.durableNames.set(name, node) });
  }

  remove(folder: FolderNode, name: string): void {
    folder.names.delete(name);
    this.#changes.push({ folders: [folder], apply: () => void folder.durableNames.delete(name) });
  }

  rename(from: FolderNode, fromName: string, to: FolderNode, toName: string): void {
    const node = from.names.get(fromName)!;
    from.names.delete(fromName);
    to.names.set(toName, node);
    this.#changes.push({
      folders: [from, to],
      apply: () => {
        if (from.durableNames.get(fromName) === node) from.durableNames.delete(fromName);
        to.durableNames.set(toName, node);
      },
    });
  }

  /** The names in a folder are durable. */
  sync(folder: FolderNode): void {
    for (const change of this.#changes) if (change.folders.includes(folder)) change.apply();
    this.#changes = this.#changes.filter((change) => !change.folders.includes(folder));
  }

  /** As it is found after a crash; this tree is used up. */
  afterCrash(random: Random): DurableTree {
    for (const change of this.#changes) if (random(2) === 0) change.apply();
    this.#changes = [];
    const tree = new DurableTree();
    tree.#lastInode = this.#lastInode;
    const found = new Map<FileNode, FileNode>();
    const copy = (from: FolderNode, to: FolderNode): void => {
      for (const [name, node] of from.durableNames) {
        let kept: Node;
        if (node instanceof FolderNode) {
          kept = new FolderNode(node.inode);
          copy(node, kept);
        } else {
          kept = found.get(node) ?? node.afterCrash(random);
          found.set(node, kept as FileNode);
        }
        to.names.set(name, kept);
        to.durableNames.set(name, kept);
      }
    };
    copy(this.root, tree.root);
    return tree;
  }

  /** Bytes of all files that have a name. */
  get usedBytes(): number {
    const count = (folder: FolderNode): number =>
      [...folder.names.values()].reduce((sum, node) => sum + (node instanceof FolderNode ? count(node) : node.bytes.length), 0);
    return count(this.root);
  }
}

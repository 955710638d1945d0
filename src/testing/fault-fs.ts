// A file system in memory for the tests of the stores: it fails, hangs and loses power where a test says so, and forgets what was not synced.
import { posix } from "node:path";
import { deferred } from "#base/deferred.ts";
import type { FileFacts, FolderEntry, FsFile, FsPort, OpenMode, Space } from "#base/fs-port.ts";
import { DurableTree, FileNode, FolderNode, type Node } from "./durable-tree.ts";
import { seededRandom } from "./mutate.ts";

export type FsOperationKind = keyof FsPort | keyof FsFile;

export interface FsOperation {
  readonly kind: FsOperationKind;
  readonly path: string;
  /** Of reads, writes, truncations and allocations. */
  readonly position: number | undefined;
  readonly sizeBytes: number | undefined;
  /** Code of the error it ended with. */
  error: string | undefined;
}

/**
 * `short`: a read gives half of the bytes, a write takes half of them and fails with ENOSPC, all else is EIO. `crash`: power is gone before the
 * operation, nothing works any more.
 */
export type FsFault = "ENOSPC" | "EIO" | "EROFS" | "ENODEV" | "short" | "crash";

export type FsFilter = (operation: FsOperation) => boolean;

export interface Stall {
  /** Resolves when an operation hangs. */
  readonly reached: Promise<FsOperation>;
  /** The operation goes on. */
  release(): void;
}

interface Plan {
  readonly filter: FsFilter;
  /** Operations that still pass; Infinity ends it. */
  skip: number;
  readonly fault: FsFault;
  readonly forEver: boolean;
}

interface Hang {
  readonly filter: FsFilter;
  readonly reached: (operation: FsOperation) => void;
  readonly released: Promise<void>;
}

export interface FaultFsOptions {
  readonly capacityBytes?: number;
  nowMs?(): number;
}

const MUTATING: ReadonlySet<FsOperationKind> = new Set(["write", "truncate", "makeFolder", "rename", "remove", "removeFolder", "allocate"]);

export class FaultFs implements FsPort {
  readonly #history: FsOperation[] = [];
  readonly #options: FaultFsOptions;
  readonly #tree: DurableTree;
  readonly #plans = new Set<Plan>();
  readonly #hangs = new Set<Hang>();
  #isDead = false;

  constructor(options: FaultFsOptions = {}, tree = new DurableTree()) {
    this.#options = options;
    this.#tree = tree;
  }

  /** Every operation so far, in the order they were begun. */
  get history(): readonly FsOperation[] {
    return this.#history;
  }

  /** Power is gone: every operation fails with EIO. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** The n-th operation from now on (1: the next) that `filter` picks fails, once. Default: of all. */
  failAt(n: number, fault: FsFault, filter: FsFilter = () => true): void {
    this.#plans.add({ filter, skip: n - 1, fault, forEver: false });
  }

  /** Every operation that `filter` picks fails until the returned function is called. Default: whatever changes something. */
  failAll(fault: FsFault, filter: FsFilter = ({ kind }) => MUTATING.has(kind)): () => void {
    const plan: Plan = { filter, skip: 0, fault, forEver: true };
    this.#plans.add(plan);
    return () => void this.#plans.delete(plan);
  }

  /** The next operation that `filter` picks hangs until it is released. */
  stallNext(filter: FsFilter = () => true): Stall {
    const reached = deferred<FsOperation>();
    const released = deferred<void>();
    this.#hangs.add({ filter, reached: reached.resolve, released: released.promise });
    return { reached: reached.promise, release: () => released.resolve() };
  }

  /** Power is lost now. Returns the file system as the next boot finds it; this one is dead, and all files opened in it. */
  crash(seed: number): FaultFs {
    this.#isDead = true;
    return new FaultFs(this.#options, this.#tree.afterCrash(seededRandom(seed)));
  }

  /** What a file holds now; undefined: there is none. */
  bytesOf(path: string): Buffer | undefined {
    const node = this.#find(path);
    return node instanceof FileNode ? Buffer.from(node.bytes) : undefined;
  }

  /** What of it is safe from any crash, its name aside. */
  durableBytesOf(path: string): Buffer | undefined {
    const node = this.#find(path);
    return node instanceof FileNode ? Buffer.from(node.durableBytes) : undefined;
  }

  async open(path: string, mode: OpenMode): Promise<FsFile> {
    await this.#begin("open", path);
    const { folder, name } = this.#place(path);
    let node = folder.names.get(name);
    if (node instanceof FolderNode) throw fault("EISDIR");
    if (node !== undefined && mode === "create-new") throw fault("EEXIST");
    if (node === undefined) {
      if (mode === "read" || mode === "update") throw fault("ENOENT");
      node = new FileNode(this.#tree.newInode());
      node.modifiedMs = this.#nowMs();
      this.#tree.add(folder, name, node);
    } else if (mode === "create" || mode === "create-private") node.truncate(0);
    return this.#opened(node, path, mode !== "read");
  }

  async makeFolder(path: string): Promise<void> {
    await this.#begin("makeFolder", path);
    let folder = this.#tree.root;
    for (const name of namesOf(path)) {
      let next = folder.names.get(name);
      if (next instanceof FileNode) throw fault("ENOTDIR");
      if (next === undefined) {
        next = new FolderNode(this.#tree.newInode());
        next.modifiedMs = this.#nowMs();
        this.#tree.add(folder, name, next);
      }
      folder = next;
    }
  }

  async syncFolder(path: string): Promise<void> {
    await this.#begin("syncFolder", path);
    this.#tree.sync(this.#folder(path));
  }

  async list(path: string): Promise<readonly FolderEntry[] | undefined> {
    await this.#begin("list", path);
    const node = this.#find(path);
    if (node instanceof FileNode) throw fault("ENOTDIR");
    return node && [...node.names].map(([name, child]) => ({ name, isFolder: child instanceof FolderNode }));
  }

  async facts(path: string): Promise<FileFacts | undefined> {
    await this.#begin("facts", path);
    const node = this.#find(path);
    if (node === undefined) return undefined;
    const { inode, modifiedMs } = node;
    const isFolder = node instanceof FolderNode;
    return { isFolder, sizeBytes: isFolder ? 0 : node.bytes.length, modifiedMs, device: 1, inode };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#begin("rename", from);
    const source = this.#place(from);
    const target = this.#place(to);
    const node = source.folder.names.get(source.name);
    const replaced = target.folder.names.get(target.name);
    if (node === undefined) throw fault("ENOENT");
    if (replaced instanceof FolderNode && !(node instanceof FolderNode)) throw fault("EISDIR");
    if (replaced instanceof FolderNode && replaced.names.size > 0) throw fault("ENOTEMPTY");
    if (replaced !== node) this.#tree.rename(source.folder, source.name, target.folder, target.name);
  }

  async remove(path: string): Promise<void> {
    await this.#begin("remove", path);
    const { folder, name } = this.#place(path);
    const node = folder.names.get(name);
    if (node === undefined) throw fault("ENOENT");
    if (node instanceof FolderNode) throw fault("EISDIR");
    this.#tree.remove(folder, name);
  }

  async removeFolder(path: string): Promise<void> {
    await this.#begin("removeFolder", path);
    const { folder, name } = this.#place(path);
    if (this.#folder(path).names.size > 0) throw fault("ENOTEMPTY");
    this.#tree.remove(folder, name);
  }

  async space(path: string): Promise<Space> {
    await this.#begin("space", path);
    this.#folder(path);
    const totalBytes = this.#capacityBytes;
    return { totalBytes, freeBytes: totalBytes - this.#tree.usedBytes };
  }

  /** Its bytes are durable, its name is not. */
  async allocate(path: string, sizeBytes: number): Promise<void> {
    await this.#begin("allocate", path, undefined, sizeBytes);
    const { folder, name } = this.#place(path);
    const there = folder.names.get(name);
    if (there instanceof FolderNode) throw fault("EISDIR");
    const moreBytes = sizeBytes - (there?.bytes.length ?? 0);
    if (moreBytes <= 0) return;
    this.#checkRoom(moreBytes);
    const node = there ?? new FileNode(this.#tree.newInode());
    node.truncate(sizeBytes);
    node.sync();
    if (there === undefined) this.#tree.add(folder, name, node);
  }

  #opened(node: FileNode, path: string, isWritable: boolean): FsFile {
    let isOpen = true;
    const begin = (kind: FsOperationKind, position?: number, sizeBytes?: number): Promise<FsFault | undefined> => {
      if (!isOpen) return Promise.reject(fault("EBADF"));
      return this.#begin(kind, path, position, sizeBytes, node);
    };
    const change = (): void => {
      if (!isWritable) throw fault("EBADF");
      node.modifiedMs = this.#nowMs();
    };
    return {
      read: async (buffer, position) => {
        const isShort = (await begin("read", position, buffer.length)) === "short";
        return node.bytes.copy(buffer, 0, position, position + (isShort ? buffer.length >> 1 : buffer.length));
      },
      write: async (buffers, position) => {
        const bytes = Buffer.concat(buffers); // as they are now: what the caller does to them later is not written
        const isShort = (await begin("write", position, bytes.length)) === "short";
        change();
        const taken = isShort ? bytes.subarray(0, bytes.length >> 1) : bytes;
        this.#checkRoom(position + taken.length - node.bytes.length);
        node.write(position, taken);
        if (isShort) throw fault("ENOSPC");
      },
      sync: async () => {
        await begin("sync");
        node.sync();
      },
      truncate: async (sizeBytes) => {
        await begin("truncate", undefined, sizeBytes);
        change();
        this.#checkRoom(sizeBytes - node.bytes.length);
        node.truncate(sizeBytes);
      },
      size: async () => {
        await begin("size");
        return node.bytes.length;
      },
      close: async () => {
        await begin("close");
        isOpen = false;
      },
    };
  }

  /** Enters it into the history, hangs or fails as planned. Resolves with `short` where the operation does that itself. */
  async #begin(kind: FsOperationKind, path: string, position?: number, sizeBytes?: number, node?: FileNode): Promise<FsFault | undefined> {
    const operation: FsOperation = { kind, path, position, sizeBytes, error: undefined };
    this.#history.push(operation);
    const planned = this.#isDead ? "crash" : this.#planned(operation);
    if (planned === "crash") this.#isDead = true;
    const hang = [...this.#hangs].find(({ filter }) => filter(operation));
    if (hang !== undefined && !this.#isDead) {
      this.#hangs.delete(hang);
      hang.reached(operation);
      await hang.released;
    }
    await Promise.resolve();
    if (planned === undefined && !this.#isDead) return undefined;
    if (planned === "short" && (kind === "read" || kind === "write") && !this.#isDead) return planned;
    operation.error = this.#isDead || planned === "short" || planned === undefined || planned === "crash" ? "EIO" : planned;
    if (kind === "sync" && !this.#isDead) node!.forgetDirty();
    throw fault(operation.error);
  }

  #planned(operation: FsOperation): FsFault | undefined {
    let found: FsFault | undefined;
    for (const plan of this.#plans) {
      if (!plan.filter(operation)) continue;
      if (plan.skip > 0) plan.skip--;
      else {
        found ??= plan.fault;
        if (!plan.forEver) this.#plans.delete(plan);
      }
    }
    return found;
  }

  get #capacityBytes(): number {
    return this.#options.capacityBytes ?? 2 ** 40;
  }

  #checkRoom(moreBytes: number): void {
    if (moreBytes > 0 && this.#tree.usedBytes + moreBytes > this.#capacityBytes) throw fault("ENOSPC");
  }

  #nowMs(): number {
    return this.#options.nowMs?.() ?? this.#history.length;
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#tree.root;
    for (const name of namesOf(path)) node = node instanceof FolderNode ? node.names.get(name) : undefined;
    return node;
  }

  #folder(path: string): FolderNode {
    const node = this.#find(path);
    if (node === undefined) throw fault("ENOENT");
    if (node instanceof FileNode) throw fault("ENOTDIR");
    return node;
  }

  #place(path: string): { readonly folder: FolderNode; readonly name: string } {
    return { folder: this.#folder(posix.dirname(posix.resolve("/", path))), name: posix.basename(path) };
  }
}

function namesOf(path: string): string[] {
  return posix
    .resolve("/", path)
    .split("/")
    .filter((name) => name !== "");
}

function fault(code: string): Error {
  return Object.assign(new Error(`${code}: by the test's wish`), { code });
}

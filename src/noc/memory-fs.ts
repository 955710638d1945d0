// A file system in memory, for simulated gateways: what they keep, they keep as long as they live.
import { dirname } from "node:path";
import type { FileFacts, FolderEntry, FsFile, FsPort, OpenMode, Space } from "#base/fs-port.ts";

interface Node {
  bytes: Buffer;
  sizeBytes: number;
  readonly inode: number;
}

export class MemoryFs implements FsPort {
  readonly #files = new Map<string, Node>();
  readonly #folders = new Set<string>(["/"]);
  #inodes = 0;

  async open(path: string, mode: OpenMode): Promise<FsFile> {
    const known = this.#files.get(path);
    if (known === undefined && (mode === "read" || mode === "update")) throw coded("ENOENT", path);
    if (known !== undefined && mode === "create-new") throw coded("EEXIST", path);
    if (!this.#folders.has(dirname(path))) throw coded("ENOENT", path);
    const node = known ?? { bytes: Buffer.alloc(0), sizeBytes: 0, inode: ++this.#inodes };
    if (mode === "create" || mode === "create-private") node.sizeBytes = 0;
    this.#files.set(path, node);
    return new MemoryFile(node);
  }

  async makeFolder(path: string): Promise<void> {
    for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) this.#folders.add(folder);
  }

  async syncFolder(): Promise<void> {}

  async list(path: string): Promise<readonly FolderEntry[] | undefined> {
    if (!this.#folders.has(path)) return undefined;
    const inside = (name: string): boolean => dirname(name) === path && name !== path;
    const entry =
      (isFolder: boolean) =>
      (name: string): FolderEntry => ({ name: name.slice(path === "/" ? 1 : path.length + 1), isFolder });
    return [...[...this.#files.keys()].filter(inside).map(entry(false)), ...[...this.#folders].filter(inside).map(entry(true))];
  }

  async facts(path: string): Promise<FileFacts | undefined> {
    const node = this.#files.get(path);
    if (node === undefined && !this.#folders.has(path)) return undefined;
    return { isFolder: node === undefined, sizeBytes: node?.sizeBytes ?? 0, modifiedMs: 0, device: 1, inode: node?.inode ?? 0 };
  }

  async rename(from: string, to: string): Promise<void> {
    const node = this.#files.get(from);
    if (node === undefined) throw coded("ENOENT", from);
    this.#files.delete(from);
    this.#files.set(to, node);
  }

  async remove(path: string): Promise<void> {
    if (!this.#files.delete(path)) throw coded("ENOENT", path);
  }

  async removeFolder(path: string): Promise<void> {
    this.#folders.delete(path);
  }

  async space(): Promise<Space> {
    return { freeBytes: 1 << 30, totalBytes: 1 << 30 };
  }

  async allocate(path: string, sizeBytes: number): Promise<void> {
    const file = await this.open(path, "create");
    await file.truncate(sizeBytes);
  }
}

class MemoryFile implements FsFile {
  readonly #node: Node;

  constructor(node: Node) {
    this.#node = node;
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    const { bytes, sizeBytes } = this.#node;
    return bytes.copy(buffer, 0, Math.min(position, sizeBytes), sizeBytes);
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    let at = position;
    const end = position + buffers.reduce((sum, { length }) => sum + length, 0);
    this.#grow(end);
    for (const buffer of buffers) at += buffer.copy(this.#node.bytes, at);
    this.#node.sizeBytes = Math.max(this.#node.sizeBytes, end);
  }

  async sync(): Promise<void> {}

  async truncate(sizeBytes: number): Promise<void> {
    this.#grow(sizeBytes);
    if (sizeBytes > this.#node.sizeBytes) this.#node.bytes.fill(0, this.#node.sizeBytes, sizeBytes);
    this.#node.sizeBytes = sizeBytes;
  }

  async size(): Promise<number> {
    return this.#node.sizeBytes;
  }

  async close(): Promise<void> {}

  #grow(sizeBytes: number): void {
    if (sizeBytes <= this.#node.bytes.length) return;
    const grown = Buffer.alloc(Math.max(sizeBytes, 2 * this.#node.bytes.length, 256));
    this.#node.bytes.copy(grown, 0, 0, this.#node.sizeBytes);
    this.#node.bytes = grown;
  }
}

function coded(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

// The file system of this machine, as the stores see it.
import { execFile } from "node:child_process";
import { type FileHandle, mkdir, open, readdir, rename, rmdir, stat, statfs, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import type { FileFacts, FolderEntry, FsFile, FsPort, OpenMode, Space } from "./fs-port.ts";

const FLAGS: Readonly<Record<OpenMode, string>> = { read: "r", update: "r+", create: "w+", "create-private": "w+", "create-new": "wx+" };
const ZEROS_BYTES = 1 << 20;
/** Of a command that asks the kernel for blocks: it takes no time, unless the medium hangs. */
const ALLOCATE_TIMEOUT_MS = 60_000;

const run = promisify(execFile);

/** Runs a program with arguments; rejects when it cannot be run or fails. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<unknown>;

const runProgram: RunProgram = (program, args) => run(program, args, { timeout: ALLOCATE_TIMEOUT_MS });

export class NodeFs implements FsPort {
  readonly #run: RunProgram;

  constructor(runAllocate = runProgram) {
    this.#run = runAllocate;
  }

  async open(path: string, mode: OpenMode): Promise<FsFile> {
    return new NodeFile(await open(path, FLAGS[mode], mode === "create-private" ? 0o600 : 0o666));
  }

  /** Node's own `recursive` has ENOENT for every reason not to. */
  async makeFolder(path: string): Promise<void> {
    try {
      await mkdir(path);
    } catch (error) {
      if (codeOf(error) === "EEXIST" && (await stat(path)).isDirectory()) return;
      if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
      await this.makeFolder(dirname(path));
      await this.makeFolder(path);
    }
  }

  async syncFolder(path: string): Promise<void> {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } catch (error) {
      if (codeOf(error) !== "EINVAL") throw error; // this file system does not sync folders
    } finally {
      await folder.close();
    }
  }

  async list(path: string): Promise<readonly FolderEntry[] | undefined> {
    const entries = await unlessMissing(readdir(path, { withFileTypes: true }));
    return entries?.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
  }

  async facts(path: string): Promise<FileFacts | undefined> {
    const facts = await unlessMissing(stat(path));
    return (
      facts && {
        isFolder: facts.isDirectory(),
        sizeBytes: facts.size,
        modifiedMs: facts.mtimeMs,
        device: facts.dev,
        inode: facts.ino,
      }
    );
  }

  rename(from: string, to: string): Promise<void> {
    return rename(from, to);
  }

  remove(path: string): Promise<void> {
    return unlink(path);
  }

  removeFolder(path: string): Promise<void> {
    return rmdir(path);
  }

  async space(path: string): Promise<Space> {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  }

  /** With `fallocate` of util-linux or busybox; where it cannot, by writing zeros. A file that is there already keeps what it holds. */
  async allocate(path: string, sizeBytes: number): Promise<void> {
    const file = await open(path, "a+");
    try {
      const { size } = await file.stat();
      if (size >= sizeBytes) return;
      const isDone = await this.#run("fallocate", ["-l", String(sizeBytes), resolve(path)]).then(
        () => true,
        () => false,
      );
      if (!isDone) await extendWithZeros(file, size, sizeBytes);
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

class NodeFile implements FsFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await this.#handle.read(buffer, filled, buffer.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  write(buffers: readonly Buffer[], position: number): Promise<void> {
    return writeAll(this.#handle, buffers, position);
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#handle.truncate(sizeBytes);
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** What `writeAll` needs of a file handle. */
export interface VectorWriter {
  writev(buffers: readonly Buffer[], position: number): Promise<{ readonly bytesWritten: number }>;
}

/** One call where the system takes all at once; it may take less, as with a medium that is nearly full. */
export async function writeAll(file: VectorWriter, buffers: readonly Buffer[], position: number): Promise<void> {
  let rest = buffers.filter((buffer) => buffer.length > 0);
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, position);
    if (bytesWritten <= 0) throw Object.assign(new Error("EIO: the system wrote nothing"), { code: "EIO" });
    position += bytesWritten;
    rest = after(rest, bytesWritten);
  }
}

function after(buffers: readonly Buffer[], bytes: number): Buffer[] {
  let i = 0;
  while (i < buffers.length && bytes >= buffers[i]!.length) bytes -= buffers[i++]!.length;
  const rest = buffers.slice(i);
  if (bytes > 0) rest[0] = rest[0]!.subarray(bytes);
  return rest;
}

/** Tells why the medium has no room with the system's own code, and gives back what it took. */
async function extendWithZeros(file: FileHandle, fromBytes: number, toBytes: number): Promise<void> {
  await file.truncate(fromBytes);
  const zeros = Buffer.alloc(Math.min(toBytes - fromBytes, ZEROS_BYTES));
  try {
    for (let at = fromBytes; at < toBytes; ) at += (await file.write(zeros, 0, Math.min(toBytes - at, zeros.length))).bytesWritten;
  } catch (error) {
    await file.truncate(fromBytes);
    throw error;
  }
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

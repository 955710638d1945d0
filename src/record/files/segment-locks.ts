// Which footage is kept whatever the cleaner wants: intervals of paths, in a small file beside the config.
import { join } from "node:path";
import type { StampRange } from "#base/clock.ts";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { DurableFolders } from "./durable-folders.ts";

export interface StoredLock {
  readonly id: string;
  readonly path: string;
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
  /** Undefined: until unlocked. */
  readonly untilUtcUs: number | undefined;
  readonly why: string;
  /** What was there when it was locked, by a clock that never jumps: it stays locked when its time becomes another one. */
  readonly ranges: readonly StampRange[];
}

/** What a lock may hold, and when it was recorded. */
export interface LockableFootage {
  readonly path: string;
  readonly startUtcUs: number;
  readonly endUtcUs: number;
  /** Undefined: only its UTC is known. */
  readonly stamps: StampRange | undefined;
}

const FILE_NAME = "recording-locks.json";
const VERSION = 1;
const MAX_FILE_BYTES = 1 << 20;

export class SegmentLocks {
  readonly #fs: FsPort;
  readonly #folder: string;
  readonly #folders: DurableFolders;
  readonly #locks = new Map<string, StoredLock>();
  #saving: Promise<unknown> = Promise.resolve();

  private constructor(fs: FsPort, folder: string, locks: readonly StoredLock[]) {
    this.#fs = fs;
    this.#folder = folder;
    this.#folders = new DurableFolders(fs, folder);
    for (const lock of locks) this.#locks.set(lock.id, lock);
  }

  /** Rejects when the file is there and cannot be read: what it locks must not be deleted. A file that makes no sense is put aside, and said. */
  static async load(fs: FsPort, folder: string, log: Log): Promise<SegmentLocks> {
    const path = join(folder, FILE_NAME);
    const facts = await fs.facts(path);
    if (facts === undefined) return new SegmentLocks(fs, folder, []);
    const locks = facts.sizeBytes > MAX_FILE_BYTES ? undefined : parseLocks(await readWhole(fs, path, facts.sizeBytes));
    if (locks !== undefined) return new SegmentLocks(fs, folder, locks);
    log.error(`${path} is damaged: what was locked is not any more; the file is kept as ${FILE_NAME}.damaged`);
    await fs.rename(path, `${path}.damaged`);
    return new SegmentLocks(fs, folder, []);
  }

  /** Oldest first. */
  get all(): readonly StoredLock[] {
    return [...this.#locks.values()];
  }

  get(id: string): StoredLock | undefined {
    return this.#locks.get(id);
  }

  /** Some lock holds some of the footage. */
  covers(footage: LockableFootage): boolean {
    for (const lock of this.#locks.values()) if (lockCovers(lock, footage)) return true;
    return false;
  }

  /** Rejects, and nothing is locked, when it cannot be written. */
  async add(lock: StoredLock): Promise<void> {
    this.#locks.set(lock.id, lock);
    try {
      await this.#save();
    } catch (error) {
      this.#locks.delete(lock.id);
      throw error;
    }
  }

  /** False: there is none. Rejects, and the lock stays, when it cannot be written. */
  async remove(id: string): Promise<boolean> {
    const lock = this.#locks.get(id);
    if (lock === undefined) return false;
    this.#locks.delete(id);
    try {
      await this.#save();
    } catch (error) {
      this.#locks.set(id, lock);
      throw error;
    }
    return true;
  }

  /** Ends those whose time has come; returns them. Never rejects: the file may still have them after the next start, and they end then. */
  async expire(nowUtcUs: number, log: Log): Promise<readonly StoredLock[]> {
    const expired = this.all.filter(({ untilUtcUs }) => untilUtcUs !== undefined && untilUtcUs <= nowUtcUs);
    if (expired.length === 0) return [];
    for (const { id } of expired) this.#locks.delete(id);
    await this.#save().catch((error: unknown) => log.warn(`the end of locks was not saved: ${errorText(error)}`));
    return expired;
  }

  #save(): Promise<void> {
    const saving = this.#saving.then(() => this.#write());
    this.#saving = saving.catch(() => {});
    return saving;
  }

  /** The old file or the new one is there after any crash. */
  async #write(): Promise<void> {
    const path = join(this.#folder, FILE_NAME);
    await this.#folders.make(this.#folder);
    const file = await this.#fs.open(`${path}.new`, "create");
    try {
      await file.write([Buffer.from(`${JSON.stringify({ version: VERSION, locks: this.all }, undefined, 2)}\n`)], 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#fs.rename(`${path}.new`, path);
    await this.#fs.syncFolder(this.#folder);
  }
}

/** Ends are included. */
export function lockCovers(lock: StoredLock, { path, startUtcUs, endUtcUs, stamps }: LockableFootage): boolean {
  if (lock.path !== path) return false;
  if (startUtcUs <= lock.toUtcUs && endUtcUs >= lock.fromUtcUs) return true;
  return stamps !== undefined && lock.ranges.some((range) => areTouching(range, stamps));
}

function areTouching(one: StampRange, other: StampRange): boolean {
  return one.bootCounter === other.bootCounter && one.fromMonoUs <= other.toMonoUs && one.toMonoUs >= other.fromMonoUs;
}

async function readWhole(fs: FsPort, path: string, sizeBytes: number): Promise<Buffer> {
  const file = await fs.open(path, "read");
  try {
    const bytes = Buffer.alloc(sizeBytes);
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}

/** Undefined: no such file, or a damaged one. */
function parseLocks(bytes: Buffer): readonly StoredLock[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { version, locks } = value as Record<string, unknown>;
  if (version !== VERSION || !Array.isArray(locks)) return undefined;
  const parsed = locks.map(parseLock);
  return parsed.every((lock) => lock !== undefined) ? parsed : undefined;
}

function parseLock(value: unknown): StoredLock | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { id, path, fromUtcUs, toUtcUs, untilUtcUs, why, ranges = [] } = value as Record<string, unknown>;
  if (typeof id !== "string" || typeof path !== "string" || typeof why !== "string") return undefined;
  if (typeof fromUtcUs !== "number" || typeof toUtcUs !== "number" || (untilUtcUs !== undefined && typeof untilUtcUs !== "number"))
    return undefined;
  if (!Array.isArray(ranges) || !ranges.every(isRange)) return undefined;
  return { id, path, fromUtcUs, toUtcUs, untilUtcUs, why, ranges };
}

function isRange(value: unknown): value is StampRange {
  if (typeof value !== "object" || value === null) return false;
  const { bootCounter, fromMonoUs, toMonoUs } = value as Record<string, unknown>;
  return typeof bootCounter === "number" && typeof fromMonoUs === "number" && typeof toMonoUs === "number";
}

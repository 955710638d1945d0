// What a receiver of uploads has on its disk: files that are whole, under their names, and beginnings of others apart from them. All of it together is bounded.
import { createHash, type Hash } from "node:crypto";
import { dirname, join } from "node:path";
import type { FsFile, FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import { HttpFault } from "#http/http-fault.ts";

export interface UploadStoreOptions {
  readonly fs: FsPort;
  readonly folder: string;
  /** Of all files, and of those that have begun by what they will have. */
  readonly quotaBytes: number;
  readonly maxFileBytes: number;
  /** UTC, ms. */
  nowMs(): number;
}

/** Of what is uploaded, as its sender says. */
export interface UploadFacts {
  readonly sizeBytes: number;
  /** Hex; undefined: not told. */
  readonly sha256: string | undefined;
}

interface Begun extends UploadFacts {
  readonly name: string;
}

const BEGUN_FOLDER = ".begun";
/** One whose sender did not come back for so long is given up. */
const KEEP_MS = 7 * 86_400_000;
const MAX_FACTS_BYTES = 4096;
const READ_BYTES = 1 << 20;
const MAX_REMEMBERED = 256;

export class UploadStore {
  readonly #options: UploadStoreOptions;
  readonly #uploads = new Map<string, Upload>();
  #usedBytes = 0;

  private constructor(options: UploadStoreOptions) {
    this.#options = options;
  }

  static async open(options: UploadStoreOptions): Promise<UploadStore> {
    const store = new UploadStore(options);
    await options.fs.makeFolder(join(options.folder, BEGUN_FOLDER));
    await store.#count();
    return store;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The one of that name: there is one object for it as long as somebody has it. */
  upload(name: string): Upload {
    const known = this.#uploads.get(name);
    if (known !== undefined) return known;
    const upload = new Upload(name, this.#options, (facts) => this.#reserve(facts));
    if (this.#uploads.size >= MAX_REMEMBERED) {
      for (const [other, { isIdle }] of this.#uploads) if (isIdle) this.#uploads.delete(other);
    }
    this.#uploads.set(name, upload);
    return upload;
  }

  async #reserve({ sizeBytes }: UploadFacts): Promise<void> {
    const { quotaBytes, maxFileBytes } = this.#options;
    if (sizeBytes > maxFileBytes) throw new HttpFault(413, `a file may have ${maxFileBytes} bytes here`);
    // Somebody may have taken files away since.
    if (this.#usedBytes + sizeBytes > quotaBytes) await this.#count();
    if (this.#usedBytes + sizeBytes > quotaBytes) throw new HttpFault(507, "this receiver is full");
    this.#usedBytes += sizeBytes;
  }

  async #count(): Promise<void> {
    const { fs, folder, nowMs } = this.#options;
    let usedBytes = 0;
    const count = async (path: string): Promise<void> => {
      for (const { name, isFolder } of (await fs.list(path)) ?? []) {
        if (name.startsWith(".")) continue;
        if (isFolder) await count(join(path, name));
        else usedBytes += (await fs.facts(join(path, name)))?.sizeBytes ?? 0;
      }
    };
    await count(folder);
    for (const { name } of (await fs.list(join(folder, BEGUN_FOLDER))) ?? []) {
      if (!name.endsWith(".json")) continue;
      const stem = join(folder, BEGUN_FOLDER, name.slice(0, -".json".length));
      const begun = await readBegun(fs, `${stem}.json`);
      const changedMs = (await fs.facts(`${stem}.part`))?.modifiedMs ?? (await fs.facts(`${stem}.json`))?.modifiedMs ?? 0;
      const isWhole = begun !== undefined && (await fs.facts(join(folder, begun.name))) !== undefined; // a crash on the way
      if (begun !== undefined && !isWhole && nowMs() - changedMs < KEEP_MS) usedBytes += begun.sizeBytes;
      else for (const end of [".part", ".json"]) await fs.remove(stem + end).catch(() => {}); // it may be the half of it
    }
    this.#usedBytes = usedBytes;
  }
}

/** One file, which one sender at a time works on. */
export class Upload {
  readonly #name: string;
  readonly #options: UploadStoreOptions;
  readonly #reserve: (facts: UploadFacts) => Promise<void>;
  readonly #stem: string;
  #hash: Hash = createHash("sha256");
  #hashedBytes = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #abort = new AbortController();

  constructor(name: string, options: UploadStoreOptions, reserve: (facts: UploadFacts) => Promise<void>) {
    this.#name = name;
    this.#options = options;
    this.#reserve = reserve;
    this.#stem = join(options.folder, BEGUN_FOLDER, createHash("sha256").update(name).digest("hex").slice(0, 40));
  }

  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** Where it lies when it is whole. */
  get path(): string {
    return join(this.#options.folder, this.#name);
  }

  /** Whoever comes later has it: a sender that comes again has lost the connection that is still open here. `signal` tells the one before. */
  async inTurn<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#waiting++;
    const turn = this.#turn.then(() => work(abort.signal));
    this.#turn = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  /** The digest of the file that is there already; undefined: there is none. */
  async storedSha256(): Promise<string | undefined> {
    const { fs } = this.#options;
    if ((await fs.facts(this.path)) === undefined) return undefined;
    const hash = createHash("sha256");
    await readInto(fs, this.path, 0, Number.POSITIVE_INFINITY, hash);
    return hash.digest("hex");
  }

  /** How much is there of such a file. What is there of another one is given up. */
  async heldBytes(facts: UploadFacts): Promise<number> {
    const { fs } = this.#options;
    const begun = await readBegun(fs, `${this.#stem}.json`);
    const isSame =
      begun?.sizeBytes === facts.sizeBytes && (begun.sha256 === facts.sha256 || begun.sha256 === undefined || facts.sha256 === undefined);
    if (!isSame) {
      await this.giveUp();
      return 0;
    }
    return Math.min(facts.sizeBytes, (await fs.facts(`${this.#stem}.part`))?.sizeBytes ?? 0);
  }

  /** Writes what comes from `start` on, where that much is there; 0 begins anew. Resolves, and rejects, with all that came on the disk. */
  async write(facts: UploadFacts, start: number, maxBytes: number, source: AsyncIterable<Buffer>): Promise<number> {
    const { fs } = this.#options;
    if ((await readBegun(fs, `${this.#stem}.json`)) === undefined) {
      await this.#reserve(facts);
      await replaceFile(fs, `${this.#stem}.json`, Buffer.from(JSON.stringify({ name: this.#name, ...facts } satisfies Begun)));
    }
    await this.#hashTo(start);
    const isThere = (await fs.facts(`${this.#stem}.part`)) !== undefined;
    const file = await fs.open(`${this.#stem}.part`, isThere ? "update" : "create-private");
    try {
      await file.truncate(start);
      return await this.#append(file, start, maxBytes, source);
    } finally {
      await file.sync().finally(() => file.close());
    }
  }

  /** All of it is there: it gets its name. Resolves with its digest. */
  async finish({ sizeBytes, sha256 }: UploadFacts): Promise<string> {
    const { fs } = this.#options;
    await this.#hashTo(sizeBytes);
    const found = this.#hash.copy().digest("hex");
    if (sha256 !== undefined && found !== sha256) {
      await this.giveUp();
      throw new HttpFault(422, "these are not the bytes that Repr-Digest speaks of: they are given up");
    }
    try {
      await fs.makeFolder(dirname(this.path));
      await fs.rename(`${this.#stem}.part`, this.path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOTDIR" || code === "EEXIST" || code === "EISDIR")
        throw new HttpFault(409, "a file or folder is in the way of this name");
      throw error;
    }
    await fs.syncFolder(dirname(this.path));
    await fs.remove(`${this.#stem}.json`);
    return found;
  }

  /** Forgets what is there of it. */
  async giveUp(): Promise<void> {
    const { fs } = this.#options;
    for (const end of [".part", ".json"]) await fs.remove(this.#stem + end).catch(() => {}); // there may be none
    this.#hash = createHash("sha256");
    this.#hashedBytes = 0;
  }

  async #append(file: FsFile, start: number, maxBytes: number, source: AsyncIterable<Buffer>): Promise<number> {
    let position = start;
    let buffers: Buffer[] = [];
    let waitingBytes = 0;
    const flush = async (): Promise<void> => {
      if (waitingBytes === 0) return;
      await file.write(buffers, position);
      for (const bytes of buffers) this.#hash.update(bytes);
      position += waitingBytes;
      this.#hashedBytes = position;
      buffers = [];
      waitingBytes = 0;
    };
    try {
      for await (const bytes of source) {
        buffers.push(bytes);
        waitingBytes += bytes.length;
        if (position + waitingBytes - start > maxBytes) throw new HttpFault(400, "there are more bytes than Content-Range says");
        if (waitingBytes >= READ_BYTES) await flush();
      }
    } catch (error) {
      if (!(error instanceof HttpFault)) await flush(); // the connection was lost: what came counts
      throw error;
    }
    await flush();
    return position;
  }

  async #hashTo(position: number): Promise<void> {
    if (this.#hashedBytes > position) {
      this.#hash = createHash("sha256");
      this.#hashedBytes = 0;
    }
    if (this.#hashedBytes < position) await readInto(this.#options.fs, `${this.#stem}.part`, this.#hashedBytes, position, this.#hash);
    this.#hashedBytes = position;
  }
}

async function readInto(fs: FsPort, path: string, start: number, end: number, hash: Hash): Promise<void> {
  const file = await fs.open(path, "read");
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    for (let at = start; at < end; ) {
      const read = await file.read(buffer.subarray(0, Math.min(READ_BYTES, end - at)), at);
      if (read === 0) break;
      hash.update(buffer.subarray(0, read));
      at += read;
    }
  } finally {
    await file.close();
  }
}

/** Undefined: there is none, or none that can be read. */
async function readBegun(fs: FsPort, path: string): Promise<Begun | undefined> {
  try {
    const bytes = await readSmallFile(fs, path, MAX_FACTS_BYTES);
    const begun = bytes === undefined ? undefined : (JSON.parse(bytes.toString("utf8")) as Begun);
    return Number.isSafeInteger(begun?.sizeBytes) ? begun : undefined;
  } catch {
    return undefined;
  }
}

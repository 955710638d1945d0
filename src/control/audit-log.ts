// Who did what to this gateway: appended, bounded, and chained so that what is tampered with shows. Never in the way of what it tells of.
import { join } from "node:path";
import { errorText } from "#base/errors.ts";
import type { FsFile, FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { safeText } from "#base/log-line.ts";
import { type AuditEntry, type AuditNote, type AuditStamp, CHAIN_START, followsOn, parseAuditLine, writeAuditLine } from "./audit-lines.ts";

export interface AuditLogOptions {
  readonly fs: FsPort;
  readonly directory: string;
  stamp(): AuditStamp;
  readonly log: Log;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Number of the first entry of the next page; null: there is none. */
  readonly next: number | null;
  /** Of the last entry of all; whoever keeps it sees when some are cut off. */
  readonly head: AuditHead;
  /** Number of the first entry that does not follow on the one before; null: all do. */
  readonly broken: number | null;
}

export interface AuditHead {
  readonly n: number;
  readonly h: string;
}

const FILES = ["audit.log", "audit.1.log", "audit.2.log", "audit.3.log"] as const;
const MAX_FILE_BYTES = 256 * 1024;
/** What waits for a disk. */
const MAX_WAITING = 1000;
const RETRY_MS = 60_000;
const MAX_TEXT_LENGTH = 200;
/** Of one page: it has to go into a message. */
const MAX_PAGE_LENGTH = 65_536;

interface Line {
  readonly text: string;
  readonly entry: AuditEntry;
}

type Waiting = AuditNote & AuditStamp;

export class AuditLog {
  readonly #options: AuditLogOptions;
  #waiting: Waiting[] = [];
  /** Given up since the last one that was written. */
  #lost = 0;
  #head: AuditHead = { n: 0, h: CHAIN_START };
  #file: FsFile | undefined;
  #sizeBytes = 0;
  /** What is done with the files, one after the other: nobody reads while they change their names. */
  #turn: Promise<unknown> = Promise.resolve();
  /** A write is to come that takes along what waits by then. */
  #isDue = false;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  /** Never rejects: while nothing can be written, what happens waits, within bounds. */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const log = new AuditLog(options);
    log.#write();
    await log.saved();
    return log;
  }

  get head(): AuditHead {
    return this.#head;
  }

  /** At once, without waiting. Texts are cut, and freed of what looks like a password. */
  note({ who, op, st, cam, data }: AuditNote): void {
    if (this.#isClosed) return;
    const note = {
      who: cut(who),
      op: cut(op),
      ...(st && { st }),
      ...(cam !== undefined && { cam: cut(cam) }),
      ...(data && { data: cutAll(data) }),
    };
    this.#waiting.push({ ...this.#options.stamp(), ...note });
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.shift();
      this.#lost++;
    }
    this.#write();
  }

  /** Entries from number `from` on, with those that wait. Rejects with the system's error. */
  async list(from: number, max: number): Promise<AuditPage> {
    const { lines, head } = await this.#inTurn(async () => ({ lines: await this.#readAll(), head: this.#head }));
    let broken: number | null = null;
    for (const [i, { text, entry }] of lines.entries()) {
      const before = lines[i - 1]?.entry;
      const previous = before?.h ?? entry.p ?? CHAIN_START;
      const isNext = before === undefined || entry.n === before.n + 1;
      if (broken === null && !(isNext && followsOn(text, previous))) broken = entry.n;
    }
    const found = lines.filter(({ entry }) => entry.n >= from);
    const entries: AuditEntry[] = [];
    for (let length = 0; entries.length < Math.min(max, found.length); entries.push(found[entries.length]!.entry)) {
      length += found[entries.length]!.text.length;
      if (length > MAX_PAGE_LENGTH && entries.length > 0) break;
    }
    return { entries, next: found[entries.length]?.entry.n ?? null, head, broken };
  }

  /** Resolves when what was noted is on the medium, or cannot be. */
  async saved(): Promise<void> {
    await this.#turn;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.saved();
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => {});
    return done;
  }

  #write(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    void this.#inTurn(async () => {
      this.#isDue = false;
      if (this.#retry === undefined) await this.#writeAll().catch((error: unknown) => this.#fail(error));
    });
  }

  async #writeAll(): Promise<void> {
    if (this.#file === undefined) await this.#begin();
    if (this.#waiting.length === 0) return;
    if (this.#sizeBytes > MAX_FILE_BYTES) await this.#turnOver();
    const batch = [...this.#waiting];
    const lost = this.#lost;
    const texts: string[] = [];
    let { n, h } = this.#head;
    const add = (note: Waiting): void => {
      const isFirst = this.#sizeBytes === 0 && texts.length === 0;
      const { line, hash } = writeAuditLine({ n: ++n, ...(isFirst && { p: h }), ...note }, h);
      texts.push(`${line}\n`);
      h = hash;
    };
    if (lost > 0) add({ ...this.#options.stamp(), who: "the gateway", op: "audit.lost", data: { n: lost } });
    for (const note of batch) add(note);
    const bytes = Buffer.from(texts.join(""));
    await this.#file!.write([bytes], this.#sizeBytes);
    await this.#file!.sync();
    this.#sizeBytes += bytes.length;
    this.#head = { n, h };
    this.#lost -= lost;
    this.#waiting = this.#waiting.filter((note) => !batch.includes(note));
  }

  /** The end of what is there; a line that a power cut tore is cut off. */
  async #begin(): Promise<void> {
    const { fs, directory } = this.#options;
    await fs.makeFolder(directory);
    const path = join(directory, FILES[0]);
    const isThere = (await fs.facts(path)) !== undefined;
    const file = await fs.open(path, isThere ? "update" : "create-private");
    try {
      const bytes = Buffer.alloc(await file.size());
      const text = bytes.subarray(0, await file.read(bytes, 0)).toString("utf8");
      const whole = text.slice(0, text.lastIndexOf("\n") + 1);
      this.#sizeBytes = Buffer.byteLength(whole);
      if (this.#sizeBytes < bytes.length) await file.truncate(this.#sizeBytes);
      if (!isThere) await fs.syncFolder(directory);
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
    this.#file = file;
    const last = (await this.#readAll()).at(-1)?.entry;
    if (last !== undefined) this.#head = { n: last.n, h: last.h };
  }

  async #turnOver(): Promise<void> {
    const { fs, directory } = this.#options;
    await this.#file?.close();
    this.#file = undefined;
    for (let i = FILES.length - 1; i > 0; i--) {
      const older = join(directory, FILES[i - 1]!);
      if ((await fs.facts(older)) !== undefined) await fs.rename(older, join(directory, FILES[i]!));
    }
    this.#file = await fs.open(join(directory, FILES[0]), "create-private");
    this.#sizeBytes = 0;
    await fs.syncFolder(directory);
  }

  #fail(error: unknown): void {
    this.#options.log.warn(`the audit log cannot be written: ${errorText(error)}`);
    void this.#file?.close().catch(() => {});
    this.#file = undefined;
    if (this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#write();
    }, RETRY_MS).unref();
  }

  /** Oldest first. What is no line of ours is passed over: the numbers show that something is missing. */
  async #readAll(): Promise<readonly Line[]> {
    const { fs, directory } = this.#options;
    const lines: Line[] = [];
    for (const name of FILES.toReversed()) {
      const path = join(directory, name);
      const facts = await fs.facts(path);
      if (facts === undefined) continue;
      const file = await fs.open(path, "read");
      try {
        const bytes = Buffer.alloc(Math.min(facts.sizeBytes, 2 * MAX_FILE_BYTES));
        for (const text of bytes
          .subarray(0, await file.read(bytes, 0))
          .toString("utf8")
          .split("\n")) {
          const entry = parseAuditLine(text);
          if (entry !== undefined) lines.push({ text, entry });
        }
      } finally {
        await file.close();
      }
    }
    return lines;
  }
}

function cut(text: string): string {
  return safeText(text).slice(0, MAX_TEXT_LENGTH);
}

function cutAll(data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const cutOne = (value: unknown): unknown =>
    typeof value === "string"
      ? cut(value)
      : Array.isArray(value)
        ? value.slice(0, 32).map(cutOne)
        : typeof value === "object"
          ? null
          : value;
  return Object.fromEntries(
    Object.entries(data)
      .slice(0, 32)
      .map(([name, value]) => [cut(name), cutOne(value)]),
  );
}

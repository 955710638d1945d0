// What has happened and is not with the NOC yet: bounded in memory and on disk, the important first, and nothing important lost with the power.
import { randomInt } from "node:crypto";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { type LogRecord, MAX_PAYLOAD_BYTES, type OutboxClass } from "./log-record.ts";
import { OutboxLog, type OutboxPlace } from "./outbox-log.ts";

export interface OutboxOptions {
  readonly fs: FsPort;
  readonly directory: string;
  readonly log: Log;
  /** Calls back once after a delay, unless the returned function is called before. */
  readonly schedule?: (run: () => void, delayMs: number) => () => void;
}

export interface OutboxEntry {
  readonly id: number;
  readonly class: OutboxClass;
  readonly payload: Buffer;
}

/** What is kept: how many of a class, and how many bytes of all. */
const MAX_ENTRIES: Readonly<Record<OutboxClass, number>> = { 0: 10_000, 1: 20_000, 2: 2000 };
const MAX_DISK_BYTES = 8 << 20;
/** Payloads that are in memory besides. */
const MAX_MEMORY_BYTES = 1 << 20;
/** Writes are few, for the card's sake; what is critical does not wait. */
const WRITE_DELAY_MS = 60_000;
const WRITE_BYTES = 64 * 1024;

interface Waiting {
  readonly id: number;
  readonly class: OutboxClass;
  readonly sizeBytes: number;
  /** Undefined: on disk alone. */
  payload: Buffer | undefined;
  /** Undefined: in memory alone. */
  place: OutboxPlace | undefined;
}

export class Outbox {
  /** Entries that had to go, by class. */
  readonly dropped: Record<OutboxClass, number> = { 0: 0, 1: 0, 2: 0 };
  readonly #options: OutboxOptions;
  readonly #schedule: NonNullable<OutboxOptions["schedule"]>;
  readonly #waiting: Readonly<Record<OutboxClass, Map<number, Waiting>>> = { 0: new Map(), 1: new Map(), 2: new Map() };
  /** Entries that only memory has, oldest first, and places of entries that are done and not marked. */
  readonly #unwritten = new Set<Waiting>();
  #unmarked: Waiting[] = [];
  #log: OutboxLog | undefined;
  #nextId = 1;
  #waitingBytes = 0;
  #memoryBytes = 0;
  #cancelWrite: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;

  private constructor(options: OutboxOptions) {
    this.#options = options;
    this.#schedule = options.schedule ?? afterDelay;
  }

  /** Never rejects: where the disk gives nothing, memory has to do. */
  static async open(options: OutboxOptions): Promise<Outbox> {
    const outbox = new Outbox(options);
    await outbox.#openLog();
    return outbox;
  }

  /** Entries that wait, by class. */
  get counts(): Readonly<Record<OutboxClass, number>> {
    return { 0: this.#waiting[0].size, 1: this.#waiting[1].size, 2: this.#waiting[2].size };
  }

  /** Resolves when the entry is safe, as far as its class is made safe before it is sent: a critical one is on disk. */
  async add(itsClass: OutboxClass, payload: Buffer): Promise<number> {
    if (payload.length > MAX_PAYLOAD_BYTES) throw new Error(`an entry of ${payload.length} bytes is too large for the outbox`);
    const entry: Waiting = { id: this.#nextId++, class: itsClass, sizeBytes: payload.length, payload, place: undefined };
    this.#waiting[itsClass].set(entry.id, entry);
    this.#unwritten.add(entry);
    this.#waitingBytes += payload.length;
    this.#memoryBytes += payload.length;
    this.#makeRoom();
    if (itsClass === 0) await this.flush();
    else this.#writeSoon();
    return entry.id;
  }

  /** Of the entry that was added last; 0: there was none. */
  get lastId(): number {
    return this.#nextId - 1;
  }

  /**
   * The next to send: the critical first, then the oldest. `skip`: those that are on their way; `upToId`: later ones wait. A payload that cannot be read is
   * dropped.
   */
  async next(
    skip: ReadonlySet<number>,
    {
      classes = [0, 1, 2],
      upToId = Number.POSITIVE_INFINITY,
    }: { readonly classes?: readonly OutboxClass[]; readonly upToId?: number } = {},
  ): Promise<OutboxEntry | undefined> {
    for (const itsClass of classes) {
      for (const entry of this.#waiting[itsClass].values()) {
        if (entry.id > upToId) break;
        if (skip.has(entry.id)) continue;
        const found = await this.#open(entry);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** Undefined: it does not wait. */
  async get(id: number): Promise<OutboxEntry | undefined> {
    const entry = Object.values(this.#waiting).flatMap((entries) => entries.get(id) ?? [])[0];
    return entry && (await this.#open(entry));
  }

  /** It is with the NOC, or not wanted any more. */
  done(id: number): void {
    for (const entries of Object.values(this.#waiting)) {
      const entry = entries.get(id);
      if (entry !== undefined) this.#forget(entry);
    }
  }

  /** Writes what only memory has; resolves when that was tried. Never rejects. */
  flush(): Promise<void> {
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#cancelWrite?.();
    await this.#log?.close().catch(() => {});
  }

  /** Undefined: it is damaged, and dropped. */
  async #open(entry: Waiting): Promise<OutboxEntry | undefined> {
    const payload = entry.payload ?? (await this.#read(entry));
    if (payload !== undefined) return { id: entry.id, class: entry.class, payload };
    if (this.#isWaiting(entry)) this.#drop(entry);
    return undefined;
  }

  async #openLog(): Promise<void> {
    try {
      const { log, entries } = await OutboxLog.open(this.#options.fs, this.#options.directory);
      this.#log = log;
      for (const { id, class: itsClass, place } of entries) {
        if (this.#nextId <= id) this.#nextId = id + 1;
        const sizeBytes = place.sizeBytes;
        this.#waiting[itsClass].set(id, { id, class: itsClass, sizeBytes, payload: undefined, place });
        this.#waitingBytes += sizeBytes;
      }
      this.#makeRoom();
    } catch (error) {
      if (this.#nextId === 1) this.#nextId = randomInt(2 ** 47, 2 ** 48 - 1); // none that the log may hold
      this.#warn(error);
    }
  }

  #writeSoon(): void {
    let bytes = 0;
    for (const { sizeBytes } of this.#unwritten) bytes += sizeBytes;
    if (bytes >= WRITE_BYTES) void this.flush();
    else this.#cancelWrite ??= this.#schedule(() => void this.flush(), WRITE_DELAY_MS);
  }

  async #write(): Promise<void> {
    if (this.#unwritten.size + this.#unmarked.length === 0) return;
    if (this.#log === undefined) await this.#openLog();
    if (this.#log === undefined) return;
    const [entries, marks] = [[...this.#unwritten], this.#unmarked];
    this.#unwritten.clear();
    this.#unmarked = [];
    const records: LogRecord[] = [
      ...entries.map(({ id, class: itsClass, payload }) => ({ id, class: itsClass, isDone: false, payload: payload! })),
      ...marks.map(({ id, class: itsClass }) => ({ id, class: itsClass, isDone: true, payload: Buffer.alloc(0) })),
    ];
    try {
      const places = await this.#log.append(
        records,
        marks.map(({ place }) => place!),
      );
      for (const [i, place] of places.entries()) this.#onWritten(entries[i]!, place);
      await this.#compact(this.#log);
      if (this.#hasFailed) this.#options.log.info("what the NOC has not got yet is kept on disk again");
      this.#hasFailed = false;
    } catch (error) {
      for (const entry of entries) if (this.#isWaiting(entry) && entry.place === undefined) this.#unwritten.add(entry);
      this.#unmarked = [...marks, ...this.#unmarked];
      this.#makeRoom();
      this.#warn(error);
    }
  }

  #onWritten(entry: Waiting, place: OutboxPlace): void {
    entry.place = place;
    if (!this.#isWaiting(entry))
      this.#unmarked.push(entry); // delivered while it was written
    else this.#releasePayload(entry);
  }

  /** A log whose oldest segments hold on to little gets small by writing that little again. */
  async #compact(log: OutboxLog): Promise<void> {
    while (log.sizeBytes > MAX_DISK_BYTES && log.oldest !== undefined) {
      const { oldest } = log;
      const moving = Object.values(this.#waiting).flatMap((entries) =>
        [...entries.values()].filter(({ place }) => place?.segment === oldest),
      );
      const records: LogRecord[] = [];
      for (const entry of moving) {
        const payload = entry.payload ?? (await log.read(entry.place!));
        if (payload !== undefined) records.push({ id: entry.id, class: entry.class, isDone: false, payload });
      }
      const old = moving.map(({ place }) => place!);
      const places = await log.append(records, old);
      const byId = new Map(records.map(({ id }, i) => [id, places[i]!]));
      for (const entry of moving) {
        const place = byId.get(entry.id);
        if (place !== undefined) entry.place = place;
        else this.#drop(entry);
      }
      if (log.oldest === oldest) return; // something else holds it
    }
  }

  /** The least important and oldest go first; what is critical goes last. */
  #makeRoom(): void {
    for (const itsClass of [2, 1, 0] as const) {
      const entries = this.#waiting[itsClass];
      while (entries.size > MAX_ENTRIES[itsClass]) this.#drop(oldestOf(entries)!);
    }
    while (this.#waitingBytes > MAX_DISK_BYTES / 2) {
      const entry = oldestOf(this.#waiting[2]) ?? oldestOf(this.#waiting[1]) ?? oldestOf(this.#waiting[0]);
      if (entry === undefined) return;
      this.#drop(entry);
    }
    if (this.#memoryBytes <= MAX_MEMORY_BYTES) return;
    for (const itsClass of [2, 1, 0] as const) {
      for (const entry of this.#waiting[itsClass].values()) {
        if (this.#memoryBytes <= MAX_MEMORY_BYTES) return;
        if (entry.place === undefined && entry.payload !== undefined) this.#drop(entry); // the disk does not take it
      }
    }
  }

  #isWaiting(entry: Waiting): boolean {
    return this.#waiting[entry.class].get(entry.id) === entry;
  }

  #drop(entry: Waiting): void {
    this.dropped[entry.class]++;
    this.#forget(entry);
  }

  #forget(entry: Waiting): void {
    if (!this.#waiting[entry.class].delete(entry.id)) return;
    this.#waitingBytes -= entry.sizeBytes;
    this.#releasePayload(entry);
    if (entry.place === undefined) this.#unwritten.delete(entry);
    else this.#markLater(entry);
  }

  #markLater(entry: Waiting): void {
    this.#unmarked.push(entry);
    this.#cancelWrite ??= this.#schedule(() => void this.flush(), WRITE_DELAY_MS);
  }

  #releasePayload(entry: Waiting): void {
    if (entry.payload === undefined) return;
    this.#memoryBytes -= entry.payload.length;
    entry.payload = undefined;
  }

  async #read({ place }: Waiting): Promise<Buffer | undefined> {
    if (place === undefined) return undefined;
    return this.#log?.read(place).catch((error: unknown) => {
      this.#warn(error);
      return undefined;
    });
  }

  #warn(error: unknown): void {
    if (!this.#hasFailed) this.#options.log.warn(`what the NOC has not got yet cannot be kept on disk: ${errorText(error)}`);
    this.#hasFailed = true;
  }
}

function oldestOf(entries: ReadonlyMap<number, Waiting>): Waiting | undefined {
  return entries.values().next().value;
}

function afterDelay(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs).unref();
  return () => clearTimeout(timer);
}

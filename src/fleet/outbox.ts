// What has happened and is not with the NOC yet: bounded in memory and on disk, the important first, and nothing important lost with the power.
import { randomInt } from "node:crypto";
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { type LogRecord, MAX_PAYLOAD_BYTES, type OutboxClass, RECORD_HEADER_BYTES } from "./log-record.ts";
import { OutboxLog, type OutboxPlace } from "./outbox-log.ts";
import { type UnwrittenEntry, WaitingEntries } from "./waiting-entries.ts";

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
const MARKS_AT_ONCE = Math.floor(WRITE_BYTES / RECORD_HEADER_BYTES);

/** An entry that waits no more, and whose record does not say so yet. */
interface Mark {
  readonly id: number;
  readonly class: OutboxClass;
  place: OutboxPlace;
}

const CLASSES = [0, 1, 2] as const;

export class Outbox {
  /** Entries that had to go, by class. */
  readonly dropped: Record<OutboxClass, number> = { 0: 0, 1: 0, 2: 0 };
  readonly #options: OutboxOptions;
  readonly #schedule: NonNullable<OutboxOptions["schedule"]>;
  readonly #waiting: Readonly<Record<OutboxClass, WaitingEntries>> = {
    0: new WaitingEntries(),
    1: new WaitingEntries(),
    2: new WaitingEntries(),
  };
  /** Entries that only memory has and nobody is writing, oldest first. */
  readonly #unwritten = new Set<UnwrittenEntry>();
  #unmarked: Mark[] = [];
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
    const entry: UnwrittenEntry = { id: this.#nextId++, class: itsClass, payload };
    this.#waiting[itsClass].add(entry);
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
      const entries = this.#waiting[itsClass];
      for (let id = entries.after(0); id !== undefined && id <= upToId; id = entries.after(id)) {
        const found = skip.has(id) ? undefined : await this.#open(itsClass, id);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** Undefined: it does not wait. */
  async get(id: number): Promise<OutboxEntry | undefined> {
    const itsClass = CLASSES.find((one) => this.#waiting[one].has(id));
    return itsClass === undefined ? undefined : await this.#open(itsClass, id);
  }

  /** It is with the NOC, or not wanted any more. */
  done(id: number): void {
    for (const itsClass of CLASSES) this.#forget(itsClass, id);
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
  async #open(itsClass: OutboxClass, id: number): Promise<OutboxEntry | undefined> {
    const entries = this.#waiting[itsClass];
    const payload = entries.unwrittenOf(id)?.payload ?? (await this.#read(entries.placeOf(id)));
    if (payload !== undefined) return { id, class: itsClass, payload };
    this.#drop(itsClass, id);
    return undefined;
  }

  async #openLog(): Promise<void> {
    try {
      const { log, entries } = await OutboxLog.open(this.#options.fs, this.#options.directory);
      this.#log = log;
      for (const { id, class: itsClass, place } of entries) {
        if (this.#nextId <= id) this.#nextId = id + 1;
        this.#waiting[itsClass].keep(id, place);
        this.#waitingBytes += place.sizeBytes - RECORD_HEADER_BYTES;
      }
      this.#makeRoom();
    } catch (error) {
      if (this.#nextId === 1) this.#nextId = randomInt(2 ** 47, 2 ** 48 - 1); // none that the log may hold
      this.#warn(error);
    }
  }

  #writeSoon(): void {
    let bytes = 0;
    for (const { payload } of this.#unwritten) bytes += payload.length;
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
      ...entries.map(({ id, class: itsClass, payload }) => ({ id, class: itsClass, isDone: false, payload })),
      ...marks.map(({ id, class: itsClass }) => ({ id, class: itsClass, isDone: true, payload: Buffer.alloc(0) })),
    ];
    try {
      const places = await this.#log.append(
        records,
        marks.map(({ place }) => place),
      );
      for (const [i, place] of places.entries()) this.#onWritten(entries[i]!, place);
      await this.#compact(this.#log);
      if (this.#hasFailed) this.#options.log.info("what the NOC has not got yet is kept on disk again");
      this.#hasFailed = false;
    } catch (error) {
      for (const entry of entries) if (this.#waiting[entry.class].unwrittenOf(entry.id) !== undefined) this.#unwritten.add(entry);
      this.#unmarked = [...marks, ...this.#unmarked];
      this.#makeRoom();
      this.#warn(error);
    }
  }

  #onWritten({ id, class: itsClass, payload }: UnwrittenEntry, place: OutboxPlace): void {
    const entries = this.#waiting[itsClass];
    if (!entries.has(id)) {
      this.#unmarked.push({ id, class: itsClass, place }); // delivered while it was written
      return;
    }
    entries.keep(id, place);
    this.#memoryBytes -= payload.length;
  }

  /** A log whose oldest segments hold on to little gets small by writing that little again. */
  async #compact(log: OutboxLog): Promise<void> {
    while (log.sizeBytes > MAX_DISK_BYTES && log.oldest !== undefined) {
      const { oldest } = log;
      const moving = CLASSES.flatMap((itsClass) =>
        this.#waiting[itsClass].inSegment(oldest).map((id): Mark => ({ id, class: itsClass, place: this.#waiting[itsClass].placeOf(id)! })),
      );
      const records: LogRecord[] = [];
      for (const { id, class: itsClass, place } of moving) {
        const payload = await log.read(place);
        if (payload !== undefined) records.push({ id, class: itsClass, isDone: false, payload });
      }
      const places = await log.append(
        records,
        moving.map(({ place }) => place),
      );
      const byId = new Map(records.map(({ id }, i) => [id, places[i]!]));
      for (const { id, class: itsClass } of moving) this.#onMoved(itsClass, id, byId.get(id));
      if (log.oldest === oldest) return; // something else holds it
    }
  }

  /** `place` undefined: its record was damaged. */
  #onMoved(itsClass: OutboxClass, id: number, place: OutboxPlace | undefined): void {
    const entries = this.#waiting[itsClass];
    if (place === undefined) this.#drop(itsClass, id);
    else if (entries.has(id)) entries.keep(id, place);
    else for (const mark of this.#unmarked) if (mark.id === id) mark.place = place; // delivered while it was moved
  }

  /** The least important and oldest go first; what is critical goes last. */
  #makeRoom(): void {
    for (const itsClass of [2, 1, 0] as const) {
      const entries = this.#waiting[itsClass];
      while (entries.size > MAX_ENTRIES[itsClass]) this.#drop(itsClass, entries.after(0)!);
    }
    while (this.#waitingBytes > MAX_DISK_BYTES / 2) {
      const itsClass = ([2, 1, 0] as const).find((one) => this.#waiting[one].size > 0);
      if (itsClass === undefined) return;
      this.#drop(itsClass, this.#waiting[itsClass].after(0)!);
    }
    if (this.#memoryBytes <= MAX_MEMORY_BYTES) return;
    for (const itsClass of [2, 1, 0] as const) {
      for (const { id } of this.#waiting[itsClass].unwritten) {
        if (this.#memoryBytes <= MAX_MEMORY_BYTES) return;
        this.#drop(itsClass, id); // the disk does not take it
      }
    }
  }

  #drop(itsClass: OutboxClass, id: number): void {
    if (this.#forget(itsClass, id)) this.dropped[itsClass]++;
  }

  /** False: it does not wait. */
  #forget(itsClass: OutboxClass, id: number): boolean {
    const removed = this.#waiting[itsClass].remove(id);
    if (removed === undefined) return false;
    const { unwritten, place } = removed;
    if (unwritten !== undefined) {
      this.#unwritten.delete(unwritten);
      this.#waitingBytes -= unwritten.payload.length;
      this.#memoryBytes -= unwritten.payload.length;
    }
    if (place !== undefined) {
      this.#waitingBytes -= place.sizeBytes - RECORD_HEADER_BYTES;
      this.#markLater({ id, class: itsClass, place });
    }
    return true;
  }

  #markLater(mark: Mark): void {
    this.#unmarked.push(mark);
    if (this.#unmarked.length % MARKS_AT_ONCE === 0) void this.flush();
    else this.#cancelWrite ??= this.#schedule(() => void this.flush(), WRITE_DELAY_MS);
  }

  async #read(place: OutboxPlace | undefined): Promise<Buffer | undefined> {
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

function afterDelay(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs).unref();
  return () => clearTimeout(timer);
}

// The outbox on disk: records appended to segments of 1 MiB, the oldest of which go once nothing in them waits. Survives a loss of power at any call.
import { dirname, join } from "node:path";
import type { FsFile, FsPort } from "#base/fs-port.ts";
import { type LogRecord, type OutboxClass, parseRecord, RECORD_HEADER_BYTES, writeRecord } from "./log-record.ts";

const SEGMENT_BYTES = 1 << 20;
const SEGMENT_NAME = /^(\d{8})\.log$/;

/** Where an entry's record is. */
export interface OutboxPlace {
  readonly segment: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface KeptEntry {
  readonly id: number;
  readonly class: OutboxClass;
  readonly place: OutboxPlace;
}

interface Segment {
  readonly number: number;
  sizeBytes: number;
  /** Entries in it that wait. */
  waiting: number;
}

export class OutboxLog {
  readonly #fs: FsPort;
  readonly #directory: string;
  /** By number; the last one is written. */
  #segments: Segment[] = [];
  #file: FsFile | undefined;

  private constructor(fs: FsPort, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
  }

  /** Reads what waits, by id. A torn tail is left behind: writing goes on in a segment of its own. Rejects with the system's error. */
  static async open(fs: FsPort, directory: string): Promise<{ readonly log: OutboxLog; readonly entries: readonly KeptEntry[] }> {
    const log = new OutboxLog(fs, directory);
    await fs.makeFolder(directory);
    await fs.syncFolder(dirname(directory));
    const numbers = ((await fs.list(directory)) ?? []).flatMap(({ name }) => SEGMENT_NAME.exec(name)?.[1] ?? []).map(Number);
    const entries = new Map<number, KeptEntry>();
    for (const number of numbers.sort((a, b) => a - b)) {
      const bytes = await readWhole(fs, log.#pathOf(number));
      let offset = 0;
      for (let record = parseRecord(bytes, 0); record !== undefined; record = parseRecord(bytes, offset)) {
        const sizeBytes = RECORD_HEADER_BYTES + record.payload.length;
        if (record.isDone) entries.delete(record.id);
        // An entry that was carried over to a later segment stands twice: the later one counts.
        else entries.set(record.id, { id: record.id, class: record.class, place: { segment: number, offset, sizeBytes } });
        offset += sizeBytes;
      }
      log.#segments.push({ number, sizeBytes: bytes.length, waiting: 0 });
    }
    for (const { place } of entries.values()) log.#segment(place.segment)!.waiting++;
    await log.#dropEmpty();
    return { log, entries: [...entries.values()].sort((a, b) => a.id - b.id) };
  }

  get sizeBytes(): number {
    return this.#segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** Entries and marks, durable when it resolves; the places of the entries in their order. After a rejection nothing of them counts as written. */
  async append(records: readonly LogRecord[], done: readonly OutboxPlace[]): Promise<readonly OutboxPlace[]> {
    const { segment, file } = await this.#current();
    const bytes = records.map(writeRecord);
    let offset = segment.sizeBytes;
    const places = bytes.map(({ length }) => {
      offset += length;
      return { segment: segment.number, offset: offset - length, sizeBytes: length };
    });
    try {
      await file.write(bytes, segment.sizeBytes);
      await file.sync();
    } catch (error) {
      await this.#giveUp(); // what stands behind its last record may be anything now
      throw error;
    }
    segment.sizeBytes = offset;
    segment.waiting += records.filter(({ isDone }) => !isDone).length;
    for (const { segment: number } of done) {
      const holder = this.#segment(number);
      if (holder !== undefined) holder.waiting--;
    }
    await this.#dropEmpty();
    return places.filter((_, i) => !records[i]!.isDone);
  }

  /** Rejects with the system's error; undefined: the record is damaged. */
  async read({ segment, offset, sizeBytes }: OutboxPlace): Promise<Buffer | undefined> {
    const file = await this.#fs.open(this.#pathOf(segment), "read");
    try {
      const bytes = Buffer.alloc(sizeBytes);
      const read = await file.read(bytes, offset);
      return parseRecord(bytes.subarray(0, read), 0)?.payload;
    } finally {
      await file.close();
    }
  }

  /** The oldest segment, where what little waits in it keeps the log from getting smaller: its entries are to be appended again. */
  get oldest(): number | undefined {
    return this.#segments.length > 1 ? this.#segments[0]!.number : undefined;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #current(): Promise<{ readonly segment: Segment; readonly file: FsFile }> {
    const last = this.#segments.at(-1);
    if (this.#file !== undefined && last !== undefined && last.sizeBytes < SEGMENT_BYTES) return { segment: last, file: this.#file };
    await this.close();
    const segment = { number: (last?.number ?? 0) + 1, sizeBytes: 0, waiting: 0 };
    const file = await this.#fs.open(this.#pathOf(segment.number), "create");
    await this.#fs.syncFolder(this.#directory).catch(async (error: unknown) => {
      await file.close();
      throw error;
    });
    this.#file = file;
    this.#segments.push(segment);
    return { segment, file };
  }

  /** The next append begins a segment. */
  async #giveUp(): Promise<void> {
    await this.close().catch(() => {});
  }

  /** In order, so that no mark goes before the entry that it is for. */
  async #dropEmpty(): Promise<void> {
    while (this.#segments.length > 1 && this.#segments[0]!.waiting <= 0) {
      await this.#fs.remove(this.#pathOf(this.#segments[0]!.number));
      this.#segments = this.#segments.slice(1);
    }
  }

  #segment(number: number): Segment | undefined {
    return this.#segments.find((segment) => segment.number === number);
  }

  #pathOf(segment: number): string {
    return join(this.#directory, `${String(segment).padStart(8, "0")}.log`);
  }
}

async function readWhole(fs: FsPort, path: string): Promise<Buffer> {
  const file = await fs.open(path, "read");
  try {
    const bytes = Buffer.alloc(await file.size());
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    await file.close();
  }
}

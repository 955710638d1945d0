// The index on the medium: a checkpoint of all chunks, and a log of what happened since.
import type { FsFile, FsPort } from "#base/fs-port.ts";
import { type IndexRecord, parseIndexRecord, RECORD_BYTES, writeIndexRecord } from "./index-record.ts";
import { SlotPair } from "./slot-pair.ts";

/** A log longer than this asks for a checkpoint; with a large ring it may grow to an eighth of the checkpoint, so that the index stays cheap. */
const MIN_LOG_BYTES = 64 * 1024;
/** Gaps of a chunk come in one append. */
const LOG_SLACK_BYTES = 64 * 1024;

export type LoadedJournal =
  | { readonly kind: "whole"; readonly records: readonly IndexRecord[] }
  /** The chunks have to tell. */
  | { readonly kind: "damaged"; readonly why: string };

/**
 * `ckpt.0`, `ckpt.1` and `log` in a folder. The log is not truncated after a checkpoint: it is overwritten from its start, and each record names the
 * checkpoint it follows. So neither needs space on the medium once they are made.
 */
export class Journal {
  readonly #fs: FsPort;
  readonly #folder: string;
  readonly #slots: SlotPair;
  readonly #maxLogBytes: number;
  #log: FsFile | undefined;
  #epoch = 0;
  #logBytes = 0;

  constructor(fs: FsPort, folder: string, chunks: number) {
    this.#fs = fs;
    this.#folder = folder;
    this.#slots = new SlotPair(fs, `${folder}/ckpt`);
    this.#maxLogBytes = Math.max(MIN_LOG_BYTES, Math.floor(chunks / 8) * RECORD_BYTES);
  }

  /** Makes the files that are not there. */
  async create(chunks: number): Promise<void> {
    // One record a chunk, and as many gaps again.
    await this.#slots.create(2 * chunks * RECORD_BYTES);
    await this.#fs.allocate(this.#logPath, this.#maxLogBytes + LOG_SLACK_BYTES);
  }

  async load(): Promise<LoadedJournal> {
    const checkpoint = await this.#slots.load();
    const log = await this.#readLog().catch(() => undefined);
    // Whatever comes next must not be taken for what this log follows.
    this.#slots.passVersion(log === undefined ? 0 : lastEpochOf(log));
    if (checkpoint === undefined) return damaged("no checkpoint can be read");
    if (log === undefined) return damaged("the log cannot be read");
    const records: IndexRecord[] = [];
    for (let at = 0; at < checkpoint.payload.length; at += RECORD_BYTES) {
      const parsed = parseIndexRecord(checkpoint.payload, at);
      if (parsed === undefined) return damaged("a record of the checkpoint is not known");
      records.push(parsed.record);
    }
    this.#epoch = checkpoint.version;
    const { records: logged, fault } = replayLog(log, this.#epoch);
    if (fault !== undefined) return damaged(fault);
    this.#logBytes = logged.length * RECORD_BYTES;
    for (const record of logged) records.push(record);
    return { kind: "whole", records };
  }

  /** Durable when it resolves. After a rejection the log's state is not known: the journal is given up. */
  async append(records: readonly IndexRecord[]): Promise<void> {
    if (records.length === 0) return;
    this.#log ??= await this.#fs.open(this.#logPath, "update");
    await this.#log.write([encode(records, this.#epoch)], this.#logBytes);
    await this.#log.sync();
    this.#logBytes += records.length * RECORD_BYTES;
  }

  get wantsCheckpoint(): boolean {
    return this.#logBytes > this.#maxLogBytes;
  }

  /** Durable when it resolves; the log begins anew. */
  async checkpoint(records: readonly IndexRecord[]): Promise<void> {
    this.#epoch = await this.#slots.save(encode(records, 0));
    this.#logBytes = 0;
  }

  async close(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    await log?.close();
  }

  get #logPath(): string {
    return `${this.#folder}/log`;
  }

  async #readLog(): Promise<Buffer> {
    const file = await this.#fs.open(this.#logPath, "read");
    try {
      const bytes = Buffer.alloc(await file.size());
      return bytes.subarray(0, await file.read(bytes, 0));
    } finally {
      await file.close();
    }
  }
}

/**
 * The records of a log that follow checkpoint `epoch`, up to the first that does not. Records of this or a later epoch behind that one mean that
 * something was lost in between.
 */
export function replayLog(log: Buffer, epoch: number): { readonly records: readonly IndexRecord[]; readonly fault: string | undefined } {
  const records: IndexRecord[] = [];
  let hasEnded = false;
  for (let at = 0; at + RECORD_BYTES <= log.length; at += RECORD_BYTES) {
    const parsed = parseIndexRecord(log, at);
    if (parsed !== undefined && parsed.epoch > epoch) return { records, fault: "the log follows a checkpoint that cannot be read" };
    if (parsed === undefined || parsed.epoch < epoch) hasEnded = true;
    else if (hasEnded) return { records, fault: "records of the log are missing" };
    else records.push(parsed.record);
  }
  return { records, fault: undefined };
}

function lastEpochOf(log: Buffer): number {
  let last = 0;
  for (let at = 0; at + RECORD_BYTES <= log.length; at += RECORD_BYTES) last = Math.max(last, parseIndexRecord(log, at)?.epoch ?? 0);
  return last;
}

function encode(records: readonly IndexRecord[], epoch: number): Buffer {
  const bytes = Buffer.alloc(records.length * RECORD_BYTES);
  for (let i = 0; i < records.length; i++) writeIndexRecord(records[i]!, epoch, bytes, i * RECORD_BYTES);
  return bytes;
}

function damaged(why: string): LoadedJournal {
  return { kind: "damaged", why };
}

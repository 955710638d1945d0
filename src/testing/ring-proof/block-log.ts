// What was written to a logged disk, and the disk as the power may have left it at any moment: all that was flushed is there, of the rest anything may be.
import { copyFile, open, readFile } from "node:fs/promises";

const WRITE = 1;
/** u8 kind, u64 ns, u64 offset, u32 bytes. */
const RECORD_BYTES = 21;
const SECTOR_BYTES = 512;
/** Of what was not flushed: what is not there at all, and what is torn. */
const DROPPED = 0.4;
const TORN = 0.5;

export interface LoggedWrite {
  readonly offset: number;
  readonly data: Buffer;
}

/** A write, or a flush of all writes before it. */
export interface LoggedOperation {
  /** CLOCK_MONOTONIC, µs. */
  readonly atUs: number;
  /** Undefined: a flush. */
  readonly write: LoggedWrite | undefined;
}

export async function readBlockLog(file: string): Promise<LoggedOperation[]> {
  const bytes = await readFile(file);
  const operations: LoggedOperation[] = [];
  for (let at = 0; at + RECORD_BYTES <= bytes.length; ) {
    const sizeBytes = bytes.readUInt32LE(at + 17);
    const data = bytes.subarray(at + RECORD_BYTES, at + RECORD_BYTES + sizeBytes);
    const atUs = Number(bytes.readBigUInt64LE(at + 1) / 1000n);
    const write = bytes[at] === WRITE ? { offset: Number(bytes.readBigUInt64LE(at + 9)), data } : undefined;
    operations.push({ atUs, write });
    at += RECORD_BYTES + sizeBytes;
  }
  return operations;
}

/** The disk by and by, from what it was before the first operation. Asked for later and later moments. */
export class BlockReplay {
  readonly #operations: readonly LoggedOperation[];
  readonly #base: string;
  /** What `base` has. */
  #flushed = 0;

  /** `base` is changed. */
  constructor(base: string, operations: readonly LoggedOperation[]) {
    this.#base = base;
    this.#operations = operations;
  }

  /** Writes the disk to `image` as it may be when the power goes after `count` operations. Returns how many writes were left out or torn. */
  async write(image: string, count: number, random: (below: number) => number): Promise<number> {
    const lastFlush = this.#operations.findLastIndex(({ write }, i) => i < count && write === undefined);
    await applied(
      this.#base,
      this.#operations.slice(this.#flushed, lastFlush + 1).flatMap(({ write }) => write ?? []),
    );
    this.#flushed = Math.max(this.#flushed, lastFlush + 1);
    await copyFile(this.#base, image);
    const loose = this.#operations.slice(lastFlush + 1, count).flatMap(({ write }) => write ?? []);
    const left = loose.map((write) => survivorOf(write, random));
    await applied(
      image,
      left.filter((write) => write !== undefined),
    );
    return loose.filter(({ data }, i) => left[i]?.data.length !== data.length).length;
  }
}

function survivorOf({ offset, data }: LoggedWrite, random: (below: number) => number): LoggedWrite | undefined {
  const draw = random(1000) / 1000;
  if (draw < DROPPED) return undefined;
  if (draw < DROPPED + (1 - DROPPED) * (1 - TORN)) return { offset, data };
  return { offset, data: data.subarray(0, SECTOR_BYTES * random(Math.floor(data.length / SECTOR_BYTES) + 1)) };
}

async function applied(file: string, writes: readonly LoggedWrite[]): Promise<void> {
  const handle = await open(file, "r+");
  try {
    for (const { offset, data } of writes) if (data.length > 0) await handle.write(data, 0, data.length, offset);
  } finally {
    await handle.close();
  }
}

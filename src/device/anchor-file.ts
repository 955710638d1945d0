// One copy of the clock anchors: a file of 64-byte records that only grows, until it is replaced as a whole.
import { open, readFile } from "node:fs/promises";
import type { ClockAnchor } from "#base/clock-anchor.ts";
import { ANCHOR_BYTES, parseAnchor, writeAnchor } from "./anchor-record.ts";
import { writeFileAtomic } from "./atomic-file.ts";

/** Far more than a log ever has: what is behind is not read. */
const MAX_READ_BYTES = 4 * 2 ** 20;

export interface AnchorFileContents {
  readonly anchors: readonly ClockAnchor[];
  /** Nothing but whole, sound records. */
  readonly isSound: boolean;
}

/** Takes what can be read: damaged records, a torn end and a file that is not there cost only themselves. Rejects when the file cannot be read. */
export async function readAnchorFile(path: string): Promise<AnchorFileContents> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  });
  const anchors: ClockAnchor[] = [];
  for (let at = 0; at + ANCHOR_BYTES <= Math.min(bytes.length, MAX_READ_BYTES); at += ANCHOR_BYTES) {
    const anchor = parseAnchor(bytes.subarray(at, at + ANCHOR_BYTES));
    if (anchor !== undefined) anchors.push(anchor);
  }
  return { anchors, isSound: bytes.length > 0 && bytes.length === anchors.length * ANCHOR_BYTES };
}

/** The writing side. Calls must not overlap. */
export class AnchorFile {
  readonly path: string;
  /** What the file holds: the first `count` anchors of this edition of the log. Undefined: nobody knows. */
  #held: { readonly edition: number; readonly count: number } | undefined;

  constructor(path: string, held: { readonly edition: number; readonly count: number } | undefined) {
    this.path = path;
    this.#held = held;
  }

  /**
   * Makes the file hold `anchors`: adds those at the end that it lacks. Where it holds another edition, or not what it should, it is written anew. An
   * edition only ever grows at its end. On the medium when it resolves. Rejects with the system's error; the next call then mends the file.
   */
  async save(anchors: readonly ClockAnchor[], edition: number): Promise<void> {
    const held = this.#held?.edition === edition ? this.#held.count : undefined;
    this.#held = undefined;
    if (held === undefined || !(await this.#append(anchors.slice(held), held * ANCHOR_BYTES)))
      await writeFileAtomic(this.path, Buffer.concat(anchors.map(writeAnchor)));
    this.#held = { edition, count: anchors.length };
  }

  /** False: the file is not as it was left, or could not be written to its end. */
  async #append(anchors: readonly ClockAnchor[], at: number): Promise<boolean> {
    const file = await open(this.path, "r+").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (file === undefined) return false;
    try {
      if ((await file.stat()).size !== at) return false;
      const bytes = Buffer.concat(anchors.map(writeAnchor));
      const { bytesWritten } = await file.write(bytes, 0, bytes.length, at);
      if (bytesWritten !== bytes.length) return false;
      await file.datasync();
      return true;
    } finally {
      await file.close();
    }
  }
}

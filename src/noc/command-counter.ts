// The numbers of signed messages: one more for each, whoever signs with the same folder at the same time, and never one twice.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CallerFault } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";

const MAX_FILE_BYTES = 64;
const POLL_MS = 20;
/** Nobody holds the lock for so long but a program that was killed. */
const STALE_MS = 10_000;
const PATIENCE_MS = 15_000;

export class CommandCounter {
  readonly #fs: FsPort;
  readonly #path: string;
  readonly #nowMs: () => number;

  /** `nowMs` is compared with the times of files. */
  constructor(fs: FsPort, folder: string, nowMs: () => number = Date.now) {
    this.#fs = fs;
    this.#path = join(folder, "counter");
    this.#nowMs = nowMs;
  }

  /** On the medium when it resolves. Rejects with a CallerFault where the file holds no number: guessing one could make every command of this key old. */
  async next(): Promise<number> {
    const unlock = await this.#lock();
    try {
      const text = (await readSmallFile(this.#fs, this.#path, MAX_FILE_BYTES))?.toString("utf8").trim() ?? "0";
      const last = Number(text);
      if (!/^\d+$/.test(text) || !Number.isSafeInteger(last + 1))
        throw new CallerFault("invalid", `${this.#path}: '${text}' is no number: write one above all that gateways have seen`);
      await replaceFile(this.#fs, this.#path, Buffer.from(`${last + 1}\n`));
      return last + 1;
    } finally {
      await unlock();
    }
  }

  async #lock(): Promise<() => Promise<void>> {
    const path = `${this.#path}.lock`;
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += POLL_MS) {
      try {
        await (await this.#fs.open(path, "create-new")).close();
        return () => this.#fs.remove(path);
      } catch (error) {
        if ((error as { readonly code?: unknown }).code !== "EEXIST") throw error;
      }
      const facts = await this.#fs.facts(path);
      if (facts !== undefined && this.#nowMs() - facts.modifiedMs > STALE_MS) await this.#fs.remove(path).catch(() => {});
      else await delay(POLL_MS);
    }
    throw new CallerFault("timed-out", `${path} is held by another program: delete it if there is none`);
  }
}

// Numbers the connections of each boot, on disk before one is used: the name of a session rises over crashes. Remembers how the last run ended.
import { errorText } from "#base/errors.ts";
import type { FsPort } from "#base/fs-port.ts";
import type { Log } from "#base/log.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { replaceFile } from "#base/replace-file.ts";
import { sessionId } from "./envelope.ts";

export interface SessionCounterOptions {
  readonly fs: FsPort;
  readonly path: string;
  readonly bootCounter: number;
  readonly log: Log;
}

/** How the run of the gateway before this one ended. */
export interface LastRun {
  readonly bootCounter: number;
  /** Undefined: it was cut off. */
  readonly clean: { readonly uptimeS: number; readonly why: string } | undefined;
}

interface Kept {
  readonly boot: number;
  readonly connection: number;
  readonly end?: { readonly uptimeS: number; readonly why: string };
}

const MAX_FILE_BYTES = 4096;

export class SessionCounter {
  /** Undefined: there was none. */
  readonly lastRun: LastRun | undefined;
  readonly #options: SessionCounterOptions;
  #connection: number;

  private constructor(options: SessionCounterOptions, kept: Kept | undefined) {
    this.#options = options;
    this.lastRun = kept && { bootCounter: kept.boot, clean: kept.end };
    this.#connection = kept?.boot === options.bootCounter ? kept.connection : 0;
  }

  /** Never rejects: where nothing can be read, counting begins anew. */
  static async open(options: SessionCounterOptions): Promise<SessionCounter> {
    return new SessionCounter(options, await read(options));
  }

  /** No connection of this boot was numbered yet. */
  get isFresh(): boolean {
    return this.#connection === 0;
  }

  /** Of the next connection; kept when it resolves. Never rejects. */
  async next(): Promise<string> {
    this.#connection++;
    await this.#write({ boot: this.#options.bootCounter, connection: this.#connection });
    return sessionId(this.#options.bootCounter, this.#connection);
  }

  /** The run ends as it should. Never rejects. */
  async end(uptimeS: number, why: string): Promise<void> {
    await this.#write({ boot: this.#options.bootCounter, connection: this.#connection, end: { uptimeS: Math.round(uptimeS), why } });
  }

  async #write(kept: Kept): Promise<void> {
    const { fs, path, log } = this.#options;
    await replaceFile(fs, path, Buffer.from(`${JSON.stringify(kept)}\n`)).catch((error: unknown) => {
      log.warn(`the number of this session cannot be kept: ${errorText(error)}`);
    });
  }
}

async function read({ fs, path }: SessionCounterOptions): Promise<Kept | undefined> {
  try {
    const bytes = await readSmallFile(fs, path, MAX_FILE_BYTES);
    return bytes && keptOf(JSON.parse(bytes.toString("utf8")));
  } catch {
    return undefined;
  }
}

/** Undefined: it is not what this version writes. */
function keptOf(value: unknown): Kept | undefined {
  const { boot, connection, end } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (!Number.isSafeInteger(boot) || !Number.isSafeInteger(connection)) return undefined;
  const { uptimeS, why } = (end ?? {}) as Readonly<Record<string, unknown>>;
  const isEnd = typeof uptimeS === "number" && typeof why === "string";
  return { boot: boot as number, connection: connection as number, ...(isEnd && { end: { uptimeS, why } }) };
}

// Clips that were opened for somebody and will be asked for again: a player reads a file in many parts, and each needs its index.
import type { ClipBody } from "./clip-body.ts";

export interface BodyCacheOptions {
  /** Monotonic. */
  nowMs(): number;
  readonly maxHeldBytes: number;
  /** How long a clip stays that nobody asks for. */
  readonly maxIdleMs: number;
  /** How many are opened at a time. */
  readonly maxOpening: number;
}

export const DEFAULT_CACHE: Omit<BodyCacheOptions, "nowMs"> = { maxHeldBytes: 32 * 2 ** 20, maxIdleMs: 300_000, maxOpening: 2 };

interface Entry {
  readonly body: Promise<ClipBody>;
  readonly abort: AbortController;
  waiting: number;
  opened: ClipBody | undefined;
  usedMs: number;
}

export class BodyCache {
  readonly #options: BodyCacheOptions;
  /** Longest unused first. */
  readonly #entries = new Map<string, Entry>();
  readonly #queue: (() => void)[] = [];
  #opening = 0;

  constructor(options: BodyCacheOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** One of that name, or a new one. Who asks for what is being opened waits with the others; when all are gone, it is not opened. */
  async get(key: string, signal: AbortSignal, open: (signal: AbortSignal) => Promise<ClipBody>): Promise<ClipBody> {
    signal.throwIfAborted();
    this.#expire();
    const entry = this.#entries.get(key) ?? this.#open(open);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.usedMs = this.#options.nowMs();
    if (entry.opened !== undefined) return entry.opened;
    entry.waiting++;
    try {
      entry.opened = await untilAborted(entry.body, signal);
      this.#expire();
      return entry.opened;
    } catch (error) {
      if (entry.waiting === 1 || !signal.aborted) this.#forget(key, entry);
      throw error;
    } finally {
      entry.waiting--;
    }
  }

  /** The footage is not what it was, or is wanted anew. */
  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.waiting === 0) this.#entries.delete(key);
  }

  #forget(key: string, entry: Entry): void {
    entry.abort.abort();
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }

  #open(open: (signal: AbortSignal) => Promise<ClipBody>): Entry {
    const abort = new AbortController();
    const body = this.#inTurn(() => {
      abort.signal.throwIfAborted();
      return open(abort.signal);
    });
    body.catch(() => {}); // whoever waits for it is told
    return { body, abort, waiting: 0, opened: undefined, usedMs: this.#options.nowMs() };
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (this.#opening >= this.#options.maxOpening) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#opening++;
    try {
      return await task();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#opening--;
      else next(); // takes over the place
    }
  }

  #expire(): void {
    const { nowMs, maxHeldBytes, maxIdleMs } = this.#options;
    let heldBytes = 0;
    for (const [key, entry] of [...this.#entries].reverse()) {
      heldBytes += entry.opened?.heldBytes ?? 0;
      const isNewest = heldBytes === entry.opened?.heldBytes;
      const isIdle = nowMs() - entry.usedMs > maxIdleMs;
      if (entry.opened !== undefined && entry.waiting === 0 && (isIdle || (heldBytes > maxHeldBytes && !isNewest)))
        this.#entries.delete(key);
    }
  }
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop!);
  }
}

// Keeps disk calls from taking every thread that libuv has: names are resolved and files of others are read by the same few.
import type { FileFacts, FolderEntry, FsFile, FsPort, OpenMode, Space } from "./fs-port.ts";

/** Threads libuv starts when nobody says otherwise. */
const DEFAULT_POOL_SIZE = 4;
/** Threads that are left to everything else. */
const LEFT_FREE = 3;
/** A sync is the call that hangs for seconds. */
const MAX_SYNCS = 2;

type CallKind = "short" | "sync";

interface Call {
  readonly kind: CallKind;
  run(): Promise<void>;
}

/** Calls on one file: one at a time, in the order they were made. */
class Lane {
  readonly calls: Call[] = [];
  running = false;
}

/**
 * One for the whole gateway, around the one FsPort. At most pool − 3 calls are under way (but one always may), two of them syncs; the rest wait, and
 * files take turns. A file that hangs holds its own calls and one thread.
 */
export class DiskQueue implements FsPort {
  readonly #port: FsPort;
  readonly #maxCalls: number;
  readonly #turns: Lane[] = [];
  #calls = 0;
  #syncs = 0;

  constructor(port: FsPort, poolSize = threadPoolSize(process.env["UV_THREADPOOL_SIZE"])) {
    this.#port = port;
    this.#maxCalls = Math.max(1, poolSize - LEFT_FREE);
  }

  /** Calls under way. */
  get calls(): number {
    return this.#calls;
  }

  async open(path: string, mode: OpenMode): Promise<FsFile> {
    return this.#wrap(await this.#call(() => this.#port.open(path, mode)));
  }

  makeFolder(path: string): Promise<void> {
    return this.#call(() => this.#port.makeFolder(path));
  }

  syncFolder(path: string): Promise<void> {
    return this.#call(() => this.#port.syncFolder(path), "sync");
  }

  list(path: string): Promise<readonly FolderEntry[] | undefined> {
    return this.#call(() => this.#port.list(path));
  }

  facts(path: string): Promise<FileFacts | undefined> {
    return this.#call(() => this.#port.facts(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(() => this.#port.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#call(() => this.#port.remove(path));
  }

  removeFolder(path: string): Promise<void> {
    return this.#call(() => this.#port.removeFolder(path));
  }

  space(path: string): Promise<Space> {
    return this.#call(() => this.#port.space(path));
  }

  /** As long as a sync, and ends with one. */
  allocate(path: string, sizeBytes: number): Promise<void> {
    return this.#call(() => this.#port.allocate(path, sizeBytes), "sync");
  }

  #wrap(file: FsFile): FsFile {
    const lane = new Lane();
    return {
      read: (buffer, position) => this.#call(() => file.read(buffer, position), "short", lane),
      write: (buffers, position) => this.#call(() => file.write(buffers, position), "short", lane),
      sync: () => this.#call(() => file.sync(), "sync", lane),
      truncate: (sizeBytes) => this.#call(() => file.truncate(sizeBytes), "short", lane),
      size: () => this.#call(() => file.size(), "short", lane),
      close: () => this.#call(() => file.close(), "short", lane),
    };
  }

  #call<T>(start: () => Promise<T>, kind: CallKind = "short", lane = new Lane()): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        try {
          resolve(await start());
        } catch (error) {
          reject(error);
        }
      };
      lane.calls.push({ kind, run });
      if (!lane.running && lane.calls.length === 1) this.#turns.push(lane);
      this.#startNext();
    });
  }

  #startNext(): void {
    while (this.#calls < this.#maxCalls) {
      const turn = this.#turns.findIndex((lane) => lane.calls[0]!.kind !== "sync" || this.#syncs < MAX_SYNCS);
      if (turn < 0) return;
      const lane = this.#turns.splice(turn, 1)[0]!;
      void this.#run(lane, lane.calls.shift()!);
    }
  }

  async #run(lane: Lane, call: Call): Promise<void> {
    const syncs = call.kind === "sync" ? 1 : 0;
    lane.running = true;
    this.#calls++;
    this.#syncs += syncs;
    await call.run();
    this.#syncs -= syncs;
    this.#calls--;
    lane.running = false;
    if (lane.calls.length > 0) this.#turns.push(lane);
    this.#startNext();
  }
}

/** What libuv makes of UV_THREADPOOL_SIZE. */
export function threadPoolSize(setting: string | undefined): number {
  const threads = Number.parseInt(setting ?? "", 10);
  if (Number.isNaN(threads)) return setting === undefined ? DEFAULT_POOL_SIZE : 1;
  return Math.min(1024, Math.max(1, threads));
}

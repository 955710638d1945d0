// The writer program in a process of its own, and all it has said so far.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { RingEvent } from "#record/ring/ring-event.ts";
import type { TestScope } from "../peers/run-peer.ts";
import { numberOfFrame } from "./numbered-footage.ts";
import type { Told } from "./oracle.ts";
import type { WriterCamera, WriterLine, WriterOptions } from "./writer-program.ts";

const PROGRAM = fileURLToPath(new URL("writer-program.ts", import.meta.url));
const END_WITH_PARENT = new URL("../end-with-parent.ts", import.meta.url).href;
/** A test that waits for something that does not come says what. */
const WAIT_MS = 60_000;

/** What the writers of one camera said, one process after the other. */
export class CameraTold implements Told {
  readonly path: string;
  readonly stored: number[] = [];
  readonly starts = new Set<number>();
  readonly taken = new Set<number>();
  /** When fragments were handed over and when they were said to be safe, monotonic clock. */
  readonly appendedAtUs = new Map<number, number>();
  readonly storedAtUs = new Map<number, number>();
  readonly #captureUs = new Map<number, number>();
  lastNumber = 0;
  #openedAt: { readonly number: number; readonly captureUs: number } | undefined;
  readonly #fragmentMs: number;

  constructor(path: string, fragmentMs: number) {
    this.path = path;
    this.#fragmentMs = fragmentMs;
  }

  numberOf(frame: Buffer): number {
    return numberOfFrame(this.path, frame);
  }

  /** Monotonic clock at a fragment that was taken. */
  captureUsOf(number: number): number {
    return this.#captureUs.get(number)!;
  }

  /** Of all that were taken. */
  get lastTaken(): number {
    return Math.max(...this.taken);
  }

  /** The longest that a fragment waited for being safe. */
  get latestMs(): number {
    let longestUs = 0;
    for (const [number, atUs] of this.storedAtUs) longestUs = Math.max(longestUs, atUs - this.appendedAtUs.get(number)!);
    return longestUs / 1000;
  }

  note(line: WriterLine): void {
    if (line.kind === "open") {
      this.#openedAt = line;
      this.starts.add(line.number);
    } else if (line.kind === "append") {
      this.lastNumber = line.number;
      this.appendedAtUs.set(line.number, line.atUs);
      if (!line.taken) return;
      this.taken.add(line.number);
      const { number, captureUs } = this.#openedAt!;
      this.#captureUs.set(line.number, captureUs + (line.number - number) * this.#fragmentMs * 1000);
    } else if (line.kind === "stored") {
      this.stored.push(line.number);
      this.storedAtUs.set(line.number, line.atUs);
    }
  }
}

/** All that was said by a row of writers on one ring. */
export class RingTold {
  readonly cameras: readonly CameraTold[];
  readonly lines: WriterLine[] = [];

  constructor(paths: readonly string[], fragmentMs: number) {
    this.cameras = paths.map((path) => new CameraTold(path, fragmentMs));
  }

  get events(): RingEvent[] {
    return this.lines.flatMap((line) => (line.kind === "event" ? [line.event] : []));
  }

  get storedCount(): number {
    return this.cameras.reduce((sum, { stored }) => sum + stored.length, 0);
  }

  note(line: WriterLine): void {
    this.lines.push(line);
    if ("path" in line) this.cameras.find(({ path }) => path === line.path)?.note(line);
  }

  /** For the next writer: numbers go on. */
  nextCameras(fragmentBytes: number): WriterCamera[] {
    return this.cameras.map(({ path, lastNumber }) => ({ path, firstNumber: lastNumber + 1, fragmentBytes }));
  }
}

/** A ring small enough to be lapped in seconds, and cameras that fill it. */
export const SMALL_RING = {
  chunkBytes: 256 * 1024,
  sizeBytes: 12 * 256 * 1024,
  syncPeriodMs: 40,
  queueMs: 8000,
  fragmentMs: 10,
  timerSpeed: 1,
};
const FRAGMENT_BYTES = 6000;

/** For the next writer of a small ring. */
export function writerOptions(told: RingTold, directory: string, changes: Partial<WriterOptions> = {}): WriterOptions {
  return { ...SMALL_RING, directory, mustBeMount: false, bootCounter: 1, cameras: told.nextCameras(FRAGMENT_BYTES), ...changes };
}

export class WriterProcess {
  readonly told: RingTold;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #watchers = new Set<() => void>();
  #errors = "";
  #hasEnded = false;

  /** One thread for disk calls: what a test injects into the n-th call hits the n-th. */
  constructor(scope: TestScope, told: RingTold, options: WriterOptions) {
    this.told = told;
    const args = ["--import", END_WITH_PARENT, PROGRAM, JSON.stringify(options)];
    this.#child = spawn(process.execPath, args, { stdio: "pipe", env: { ...process.env, UV_THREADPOOL_SIZE: "1" } });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      told.note(JSON.parse(line) as WriterLine);
      this.#changed();
    });
    this.#closed = once(this.#child, "close").then(() => {
      this.#hasEnded = true;
      this.#changed();
    });
    scope.after(() => this.kill());
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get errors(): string {
    return this.#errors;
  }

  /** Resolves once it has said enough for `look` to be content. Rejects when it ends before. */
  async until(what: string, look: (told: RingTold) => boolean): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    while (!look(this.told)) {
      if (this.#hasEnded) throw new Error(`the writer ended before ${what}\n${this.#errors}`);
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}\n${JSON.stringify(this.told.events.slice(-5))}`);
      await this.#next();
    }
  }

  /** So many more fragments are safe. */
  async stores(count: number): Promise<void> {
    const target = this.told.storedCount + count;
    await this.until(`${count} more fragments were safe`, ({ storedCount }) => storedCount >= target);
  }

  /** At once, and resolves when all it said was heard. */
  async kill(): Promise<void> {
    if (!this.#hasEnded) this.#child.kill("SIGKILL");
    await this.#closed;
  }

  /** Lets it close the ring. Rejects when it does not end well. */
  async stop(): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#closed;
    if (this.#child.exitCode !== 0)
      throw new Error(`the writer ended with ${this.#child.signalCode ?? this.#child.exitCode}\n${this.#errors}`);
  }

  /** Resolves at the next line, at the end, and after a second in any case. */
  #next(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, 1000);
      this.#watchers.add(done);
    });
  }

  #changed(): void {
    for (const done of this.#watchers) done();
  }
}

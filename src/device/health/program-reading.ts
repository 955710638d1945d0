// What a program of the system tells, asked seldom: between two questions its last answer serves.
import { findProgram } from "#base/process/find-program.ts";
import { runProgram } from "#base/process/run-program.ts";

export interface ProgramPort {
  /** The absolute path; undefined: there is no such program. */
  find(program: string): Promise<string | undefined>;
  /** What it wrote to its standard output. Rejects where it fails or takes too long. */
  run(file: string, args: readonly string[]): Promise<string>;
}

export interface ProgramReadingOptions<T> {
  readonly program: string;
  /** Between two questions. */
  readonly periodMs: number;
  /** After null: of a machine that will hardly ever tell. Default: `periodMs`. */
  readonly nullPeriodMs?: number;
  nowMs(): number;
  /** `ask` runs the program with arguments. Undefined: this machine has no such thing; null, and a rejection: it cannot be told now. */
  read(ask: (...args: readonly string[]) => Promise<string>): Promise<T | null | undefined>;
  readonly port?: ProgramPort;
}

const TIMEOUT_MS = 3000;
const MAX_OUTPUT_BYTES = 65_536;

export class ProgramReading<T> {
  readonly #options: ProgramReadingOptions<T>;
  #known: { readonly atMs: number; readonly value: T | null | undefined } | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: ProgramReadingOptions<T>) {
    this.#options = options;
  }

  /** Waits the first time alone. Never rejects. Undefined: this machine has no such thing; null: it cannot be told now. */
  async read(): Promise<T | null | undefined> {
    const { nowMs, periodMs, nullPeriodMs = periodMs } = this.#options;
    const known = this.#known;
    if (known === undefined || nowMs() - known.atMs >= (known.value === null ? nullPeriodMs : periodMs)) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      if (known === undefined) await this.#asking;
    }
    return this.#known?.value;
  }

  async #ask(): Promise<void> {
    const { program, read, nowMs, port = systemPort } = this.#options;
    const file = await port.find(program).catch(() => undefined);
    const value = file === undefined ? undefined : await read((...args) => port.run(file, args)).catch(() => null);
    this.#known = { atMs: nowMs(), value };
  }
}

const systemPort: ProgramPort = {
  find: findProgram,
  run: (file, args) => runProgram(file, args, { timeoutMs: TIMEOUT_MS, maxOutputBytes: MAX_OUTPUT_BYTES }),
};

// A child process in a group of its own, without a shell, that is ended with all it started; what it prints is told line by line.
import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { errorText } from "../errors.ts";
import type { Schedule } from "../schedule.ts";
import { OutputLog } from "./output-log.ts";
import type { ProcessGroups } from "./process-groups.ts";

/** Who left the group may hold the pipes open: what comes later than this is not read. */
const LAST_OUTPUT_MS = 1000;

export interface GroupProcessOptions {
  /** The program and its arguments. */
  readonly words: readonly string[];
  /** All of its environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Gets what it prints, as far as there is room for it. */
  line(text: string): void;
  /** Gets its standard output as it is, which is then not told in lines; and it has an `input`. */
  readonly output?: (bytes: Buffer) => void;
  readonly groups: ProcessGroups;
  readonly schedule: Schedule;
}

export interface ProcessExit {
  /** It ran, and ended with code 0. */
  readonly well: boolean;
  /** How it ended: `exited with code 1`. */
  readonly text: string;
}

export class GroupProcess {
  /** The end of the program that was started. Never rejects. */
  readonly ended: Promise<ProcessExit>;
  /** Nothing of it runs any more, in the background either, and what it printed was told. Never rejects. */
  readonly gone: Promise<void>;
  /** Its standard input; undefined where it has none, or could not be started. Never tells of an error: `ended` does. */
  readonly input: Writable | undefined;
  readonly #groups: ProcessGroups;
  #group: number | undefined;

  constructor(options: GroupProcessOptions) {
    this.#groups = options.groups;
    const child = start(options);
    if (child instanceof Error) {
      this.ended = Promise.resolve(notStarted(child));
      this.gone = Promise.resolve();
      return;
    }
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(notStarted(error)));
      child.once("exit", (code, signal) =>
        resolve({ well: code === 0, text: signal === null ? `exited with code ${code}` : `was ended by ${signal}` }),
      );
    });
    this.input = child.stdin ?? undefined;
    this.input?.on("error", () => {}); // it has ended
    this.gone = this.#watch(child, options);
  }

  /** Asks it to end, and makes it after ten seconds. Nothing where it is gone. */
  interrupt(): void {
    if (this.#group !== undefined) this.#groups.interrupt(this.#group);
  }

  #watch(child: ChildProcess, { line, schedule, output: onOutput }: GroupProcessOptions): Promise<void> {
    const { pid } = child;
    if (pid === undefined) return Promise.resolve(); // the error follows
    this.#group = pid;
    const output = new OutputLog({ line, schedule });
    const streams = onOutput === undefined ? [child.stdout, child.stderr] : [child.stderr];
    for (const stream of streams) if (stream !== null) output.read(stream);
    if (onOutput !== undefined) child.stdout?.on("data", onOutput).on("error", () => {}); // a pipe's: it ends
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const groupGone = new Promise<void>((resolve) => this.#groups.add(pid, resolve));
    child.once("exit", () => this.#groups.leaderEnded(pid));
    return groupGone.then(async () => {
      this.#group = undefined;
      const cancel = schedule(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, LAST_OUTPUT_MS);
      await closed;
      cancel();
    });
  }
}

function start({ words, environment, output }: GroupProcessOptions): ChildProcess | Error {
  const [program = "", ...args] = words;
  try {
    return spawn(program, args, {
      env: environment,
      detached: process.platform !== "win32",
      stdio: [output === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      windowsHide: true,
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(errorText(error)); // a NUL in an argument, too many arguments
  }
}

function notStarted(error: Error): ProcessExit {
  return { well: false, text: `cannot be started: ${error.message}` };
}

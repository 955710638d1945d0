// One of the demo's programs: a child process that a Ctrl-C in the terminal does not reach, its output line by line, and its end.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const END_WITH_PARENT = new URL("end-with-parent.ts", import.meta.url).href;
const STOP_MS = 5000;
const LAST_LINES = 20;

export class DemoProgram {
  readonly name: string;
  /** Resolves, never rejects, with how it ended, in words. */
  readonly ended: Promise<string>;
  /** What it printed last. */
  readonly lastLines: string[] = [];
  readonly #child: ChildProcess;
  readonly #listeners = new Set<(line: string) => void>();
  #running = true;

  /** Starts a TypeScript file with the Node that runs this. */
  constructor(name: string, file: string, args: readonly string[]) {
    this.name = name;
    // The demo alone gets the terminal's signals and ends its programs in order; should it be killed, they notice.
    const child = spawn(process.execPath, ["--import", END_WITH_PARENT, file, ...args], { detached: true, stdio: "pipe" });
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) createInterface({ input: output }).on("line", (line) => this.#onLine(line));
    this.ended = once(child, "close").then(
      ([code, signal]) => this.#onEnd(signal === null ? `exit code ${code}` : `signal ${signal}`),
      (error: Error) => this.#onEnd(error.message),
    );
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Called with every line from now on. */
  onLine(listener: (line: string) => void): void {
    this.#listeners.add(listener);
  }

  /** The first groups of the first `count` different matches among the lines from now on. Never settles when the program ends before. */
  matches(pattern: RegExp, count: number): Promise<readonly string[]> {
    const found = new Set<string>();
    return new Promise((resolve) => {
      const look = (line: string): void => {
        const match = pattern.exec(line)?.[1];
        if (match !== undefined) found.add(match);
        if (found.size < count) return;
        this.#listeners.delete(look);
        resolve([...found]);
      };
      this.onLine(look);
    });
  }

  /** Asks it to end, and makes it after five seconds. */
  async stop(): Promise<void> {
    this.#kill("SIGTERM");
    const timer = setTimeout(() => this.kill(), STOP_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends it at once. */
  kill(): void {
    this.#kill("SIGKILL");
  }

  #kill(signal: NodeJS.Signals): void {
    if (this.#running) this.#child.kill(signal);
  }

  #onLine(line: string): void {
    if (this.lastLines.push(line) > LAST_LINES) this.lastLines.shift();
    for (const listener of this.#listeners) listener(line);
  }

  #onEnd(how: string): string {
    this.#running = false;
    return how;
  }
}

// strace on a process that runs: it fails or delays its system calls, or writes them down, until it is taken off again.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { findPeer } from "../peers/find-peer.ts";
import type { TestScope } from "../peers/run-peer.ts";

const strace = findPeer("strace");

export const straceMissing = strace.missing;

export class Strace {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #text = "";

  private constructor(pid: number, args: readonly string[]) {
    // -qqq would also keep it from saying that it is there.
    this.#child = spawn(strace.file, ["-f", "-p", String(pid), ...args], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#text += text;
    });
    this.#closed = once(this.#child, "close");
  }

  /** Resolves when every thread of the process is watched. `args`: what it does with which calls, on which files. */
  static async attach(scope: TestScope, pid: number, args: readonly string[]): Promise<Strace> {
    const tracer = new Strace(pid, args);
    scope.after(async () => void (await tracer.detach()));
    while (!/ attached( with \d+ threads)?\n/.test(tracer.#text)) {
      if (tracer.#child.exitCode !== null) throw new Error(`strace could not attach: ${tracer.#text}`);
      await Promise.race([once(tracer.#child.stderr!, "data"), tracer.#closed]);
    }
    return tracer;
  }

  /** A line per call, so far. */
  get lines(): string[] {
    return this.#text.split("\n").filter((line) => line.includes("("));
  }

  /** The process goes on as if nothing had been. Returns a line per call. */
  async detach(): Promise<string[]> {
    this.#child.kill("SIGINT");
    await this.#closed;
    return this.lines;
  }
}

/** Calls named `call` on these files: `how` is from strace(1), "Tampering", e.g. `error=EIO:when=1`. */
export function injecting(call: string, how: string, files: readonly string[]): string[] {
  return [...files.flatMap((file) => ["-P", file]), "-e", `trace=${call}`, "-e", `inject=${call}:${how}`];
}

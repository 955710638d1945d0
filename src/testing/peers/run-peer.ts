// Foreign programs as child processes of a test: no shell, output kept, bounded in time, killed when the test ends.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Peer } from "./find-peer.ts";

/** What a test context is to us: somewhere to say what has to be cleaned up. */
export interface TestScope {
  after(cleanup: () => Promise<void>): void;
}

export interface PeerOptions {
  /** Killed after that; 60 s where nothing is said. */
  readonly timeoutMs?: number;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface PeerResult {
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** How a process ended. */
export interface PeerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const STDERR_CHARACTERS = 262_144;
const STDOUT_BYTES = 256 * 2 ** 20;

/** Runs a program to its end. Rejects with the end of its error output when it fails or takes too long. */
export async function runPeer(scope: TestScope, peer: Peer, args: readonly string[], options: PeerOptions = {}): Promise<PeerResult> {
  const running = startPeer(scope, peer, args, options);
  const { code, signal } = await running.exited;
  if (code !== 0) throw new Error(`${peer.name} ended with ${signal ?? code}: ${args.join(" ")}\n${running.stderr}`);
  return { stdout: running.stdout, stderr: running.stderr };
}

/** Starts a program that goes on by itself. */
export function startPeer(scope: TestScope, peer: Peer, args: readonly string[], options: PeerOptions = {}): RunningPeer {
  const running = new RunningPeer(peer, args, options);
  scope.after(() => running.kill());
  return running;
}

/** One running program, its output so far, and its end. */
export class RunningPeer {
  readonly exited: Promise<PeerExit>;
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #chunks: Buffer[] = [];
  readonly #watchers = new Set<() => void>();
  #stdoutBytes = 0;
  #stderr = "";

  constructor(peer: Peer, args: readonly string[], options: PeerOptions) {
    if (peer.missing !== false) throw new Error(peer.missing);
    this.#name = peer.name;
    const settings = { cwd: options.cwd, env: { ...process.env, ...options.env } };
    const child = spawn(peer.file, args, { ...settings, stdio: ["pipe", "pipe", "pipe"] }); // gst-camera.py ends with its input
    this.#child = child;
    child.stdout.on("data", (chunk: Buffer) => {
      this.#stdoutBytes += chunk.length;
      if (this.#stdoutBytes > STDOUT_BYTES) child.kill("SIGKILL");
      else this.#chunks.push(chunk);
      this.#changed();
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      this.#stderr = (this.#stderr + chunk).slice(-STDERR_CHARACTERS);
      this.#changed();
    });
    const timeout = setTimeout(() => {
      this.#stderr += "\nkilled: it took too long";
      child.kill("SIGKILL");
    }, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    this.exited = once(child, "close").then(([code, signal]): PeerExit => {
      clearTimeout(timeout);
      this.#changed();
      return { code, signal };
    });
    // A program that cannot be started fails whoever waits for it, and nobody else.
    this.exited.catch(() => clearTimeout(timeout));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** All of the standard output so far. */
  get stdout(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** The last part of the error output. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The first match in the standard output, now or later; rejects when the program ends without one. */
  async match(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stdout.toString("utf8"));
      if (found) return found;
      if (this.#hasEnded()) throw new Error(`${this.#name} ended before ${pattern} appeared\n${this.#stderr}`);
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  /** To its standard input. */
  write(text: string): void {
    this.#child.stdin!.write(text);
  }

  /** Its standard input ends. */
  endInput(): void {
    this.#child.stdin!.end();
  }

  /** Asks it to end (SIGINT: ffmpeg and GStreamer finish their files) and waits for that. */
  async interrupt(): Promise<PeerExit> {
    this.#child.kill("SIGINT");
    return await this.exited;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited.catch(() => {});
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #changed(): void {
    for (const resolve of this.#watchers) resolve();
    this.#watchers.clear();
  }
}

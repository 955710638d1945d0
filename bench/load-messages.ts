// What a load process and the benchmark tell each other over the IPC channel, and how such a process is started.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** What a load process has done since it started. Which figures there are is the affair of each. */
export type LoadCounters = Readonly<Record<string, number>>;

/** A load that runs. */
export interface RunningLoad {
  counters(): LoadCounters;
  /** Of a load that listens: where, as a URL without a path. */
  readonly url?: string;
}

type LoadRequest = { readonly type: "counters" };
type LoadReply =
  | { readonly type: "ready"; readonly url: string }
  | { readonly type: "counters"; readonly counters: LoadCounters }
  | { readonly type: "failed"; readonly reason: string };

/** The child's side: `start` connects and resolves when the load runs; counters are asked for at any time afterwards. */
export async function serveLoad<Options>(start: (options: Options) => Promise<RunningLoad>): Promise<void> {
  const reply = (message: LoadReply) => void process.send?.(message);
  process.on("disconnect", () => process.exit(0));
  try {
    const load = await start(JSON.parse(process.argv[2] ?? "{}") as Options);
    process.on("message", () => reply({ type: "counters", counters: load.counters() }));
    reply({ type: "ready", url: load.url ?? "" });
  } catch (error) {
    reply({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
}

/** The benchmark's side of one load process. */
export class LoadProcess {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** Starts `file` of this folder and waits until its load runs; rejects with its reason. `Options` are what the file takes. */
  static async start<Options extends object>(file: string, options: Options): Promise<LoadProcess> {
    const args = [JSON.stringify(options)];
    const child = fork(new URL(file, import.meta.url), args, { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: [] });
    const first = await nextReply(child);
    const load = new LoadProcess(child, first.type === "ready" ? first.url : "");
    if (first.type === "ready") return load;
    await load.stop();
    throw new Error(`${file}: ${first.type === "failed" ? first.reason : "unexpected reply"}`);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Rejects when the process has ended: its load was not there all the time. */
  async counters(): Promise<LoadCounters> {
    if (!this.#child.connected) throw new Error("a load process has ended");
    this.#child.send({ type: "counters" } satisfies LoadRequest);
    const reply = await nextReply(this.#child);
    if (reply.type !== "counters") throw new Error(reply.type === "failed" ? reply.reason : "unexpected reply");
    return reply.counters;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

async function nextReply(child: ChildProcess): Promise<LoadReply> {
  const ended = new AbortController();
  try {
    return await Promise.race([
      once(child, "message", { signal: ended.signal }).then(([message]) => message as LoadReply),
      once(child, "exit", { signal: ended.signal }).then(([code]): LoadReply => ({ type: "failed", reason: `ended with ${code}` })),
    ]);
  } finally {
    ended.abort();
  }
}

/** Bytes, frames and so on of several load processes together. */
export async function sumCounters(loads: readonly LoadProcess[]): Promise<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const counters of await Promise.all(loads.map((load) => load.counters()))) {
    for (const [name, value] of Object.entries(counters)) sum[name] = (sum[name] ?? 0) + value;
  }
  return sum;
}

// Commands that take their time: started by one request, looked at and ended by others.
import { randomUUID } from "node:crypto";
import { CallerFault, errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Caller, CommandTable } from "./command.ts";

/** `run`, then one of the others. */
export type JobState = "run" | "ok" | "err" | "cancel";

/** Times are UTC, ms since 1970. */
export interface Job {
  readonly id: string;
  /** Of the command. */
  readonly op: string;
  readonly cam: string | undefined;
  /** Who asked for it. */
  readonly by: string;
  readonly st: JobState;
  readonly pct: number;
  readonly msg: string;
  readonly started: number;
  readonly ended: number | undefined;
  readonly res: unknown;
  readonly err: string | undefined;
}

export interface CommandJobsOptions {
  readonly table: Pick<CommandTable, "admit">;
  /** UTC, ms. */
  nowMs(): number;
  readonly log: Log;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Entry {
  readonly job: Writable<Job>;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/** Of jobs that are over; those that ended first go. */
const MAX_KEPT = 100;

export class CommandJobs {
  readonly #options: CommandJobsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: CommandJobsOptions) {
    this.#options = options;
  }

  /** Resolves when the command runs. Rejects with a CallerFault as `dispatch` does; what comes later is told of the job. */
  async start(name: string, input: unknown, caller: Caller): Promise<Job> {
    const admitted = await this.#options.table.admit(name, input, caller);
    const abort = new AbortController();
    const job: Writable<Job> = {
      id: randomUUID(),
      op: name,
      cam: admitted.path,
      by: caller.name,
      st: "run",
      pct: 0,
      msg: "",
      started: this.#options.nowMs(),
      ended: undefined,
      res: undefined,
      err: undefined,
    };
    const progress = (percent: number, text: string): void => {
      job.pct = Math.round(percent);
      job.msg = text;
    };
    const ended = admitted
      .run({ signal: abort.signal, progress })
      .then(
        (result) => {
          job.st = "ok";
          job.pct = 100;
          job.res = result;
        },
        (error: unknown) => {
          job.st = abort.signal.aborted ? "cancel" : "err";
          job.err = abort.signal.aborted ? undefined : errorText(error);
          if (job.st === "err") this.#options.log.warn(`${name} ${job.id.slice(0, 8)} failed: ${job.err}`);
        },
      )
      .then(() => {
        job.ended = this.#options.nowMs();
        this.#forgetOldest();
      });
    this.#entries.set(job.id, { job, abort, ended });
    this.#options.log.info(`${name} ${job.id.slice(0, 8)} was started by ${caller.name}`);
    return { ...job };
  }

  /** Oldest first. */
  list(): readonly Job[] {
    return [...this.#entries.values()].map(({ job }) => ({ ...job }));
  }

  get(id: string): Job | undefined {
    const entry = this.#entries.get(id);
    return entry && { ...entry.job };
  }

  /** Resolves when the command has ended. One that had ended stays as it is. Rejects with a CallerFault: there is none. */
  async cancel(id: string): Promise<Job> {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new CallerFault("not-found", "job not found", "id");
    entry.abort.abort();
    await entry.ended;
    return { ...entry.job };
  }

  /** One that is over, and what is left of it in the list. */
  forget(id: string): void {
    if (this.#entries.get(id)?.job.st !== "run") this.#entries.delete(id);
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ job }) => this.cancel(job.id)));
  }

  #forgetOldest(): void {
    const over = [...this.#entries.values()].filter(({ job }) => job.ended !== undefined).sort((a, b) => a.job.ended! - b.job.ended!);
    for (const { job } of over.slice(0, Math.max(0, over.length - MAX_KEPT))) this.#entries.delete(job.id);
  }
}

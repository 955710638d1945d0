// The job that the NOC wants done: one at a time, step by step, at a time of its own, and gone on with after a restart.
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { CommandFault, commandErrorOf } from "./command-fault.ts";
import { type CommandError, MAX_REQUEST_BYTES } from "./command-request.ts";
import { type JobPlace, type JobRequest, parseJob, startOf } from "./job-request.ts";
import { parseStrictJson } from "./strict-json.ts";

export type JobState = "queued" | "wait" | "run" | "ok" | "err" | "rej" | "rolledback" | "cancel";

export interface JobUpdate {
  readonly job: string;
  /** One more with each update of a job: older ones are to be ignored. */
  readonly xv: number;
  readonly st: JobState;
  readonly step: string | null;
  readonly pct: number;
  readonly e: CommandError | null;
}

/** One step of an operation. A step that ends the process is found again by `isDone` at the next start. */
export interface JobStep {
  readonly name: string;
  /** Rejects with why not. */
  run(context: { readonly args: JobRequest["args"]; readonly signal: AbortSignal; progress(percent: number): void }): Promise<void>;
  /** After a restart: whether the step, during which the gateway stopped, did what it should. Default: it is run again. */
  isDone?(args: JobRequest["args"]): Promise<boolean>;
}

export interface JobOperation {
  /** Throws what is wrong with the arguments. */
  check(args: JobRequest["args"]): void;
  readonly steps: readonly JobStep[];
  /** Undoes what was begun; its end is the job's, in state `rolledback`. Absent: nothing has to be undone. */
  rollBack?(args: JobRequest["args"]): Promise<void>;
}

/** As it is kept on disk between steps. */
export interface KeptJob {
  readonly text: string;
  readonly xv: number;
  /** UTC, ms. */
  readonly startMs: number;
  readonly tries: number;
  /** Place of the step that runs; −1: none has begun. */
  readonly step: number;
  /** It is over, in this state. */
  readonly end: JobState | null;
}

export interface JobStore {
  load(): Promise<KeptJob | undefined>;
  /** Rejects with the system's error. */
  save(job: KeptJob): Promise<void>;
}

export interface JobRunnerOptions extends JobPlace {
  readonly operations: ReadonlyMap<string, JobOperation>;
  readonly store: JobStore;
  /** UTC, ms. */
  utcMs(): number;
  /** Rejects when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  update(update: JobUpdate): void;
  readonly log: Log;
}

const RETRY_MS = 60_000;
/** Numbers that may have been used since the last one that was kept: a step has a hundred at most. */
const UNKEPT_NUMBERS = 1000;
/** No timer is longer: after each the time is looked at again, since clocks are set. */
const MAX_SLEEP_MS = 60_000;

class JobEnd extends Error {
  readonly state: JobState;
  readonly error: CommandError | null;

  constructor(state: JobState, error: CommandError | null = null) {
    super(state);
    this.state = state;
    this.error = error;
  }
}

export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #closing = new AbortController();
  #kept: KeptJob | undefined;
  #request: JobRequest | undefined;
  #cancel: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /** Goes on with what was begun. */
  async open(): Promise<void> {
    const kept = await this.#options.store.load();
    if (kept === undefined) return;
    this.#kept = { ...kept, xv: kept.xv + UNKEPT_NUMBERS };
    const request = requestOf(kept.text);
    if (kept.end !== null || "fault" in request) return;
    this.#begin(request);
  }

  /** What the NOC's retained slot holds; empty: no job. A job that is not there any more is cancelled, unless a step runs. */
  async receive(text: string): Promise<void> {
    if (text === "") {
      if (this.#request !== undefined && (this.#kept?.step ?? -1) < 0) this.#cancel?.abort(new JobEnd("cancel"));
      return;
    }
    const request = text.length > MAX_REQUEST_BYTES ? { fault: "it is too large" } : requestOf(text);
    if ("fault" in request) {
      this.#options.log.warn(`a job is refused: ${request.fault}`);
      return;
    }
    const known = this.#kept === undefined ? undefined : requestOf(this.#kept.text);
    if (known !== undefined && !("fault" in known) && known.job === request.job) return; // it comes again with each connection
    if (this.#request !== undefined) {
      this.#options.log.warn(`job ${request.job} waits: ${this.#request.job} is not over`);
      await this.#running;
    }
    const place = this.#options;
    this.#kept = { text, xv: 0, startMs: startOf(request, place.utcMs(), place), tries: 0, step: -1, end: null };
    this.#begin(request);
  }

  /** The job of which a step runs; undefined: none does. */
  get atWork(): string | undefined {
    return (this.#kept?.step ?? -1) < 0 ? undefined : this.#request?.job;
  }

  /** Resolves when what runs has ended. */
  idle(): Promise<void> {
    return this.#running;
  }

  close(): void {
    this.#closing.abort();
  }

  #begin(request: JobRequest): void {
    this.#request = request;
    this.#cancel = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, this.#cancel.signal]);
    this.#running = this.#run(request, signal).catch((error: unknown) =>
      this.#options.log.error(`job ${request.job}: ${errorText(error)}`),
    );
  }

  async #run(request: JobRequest, signal: AbortSignal): Promise<void> {
    const operation = this.#options.operations.get(request.op);
    try {
      if (operation === undefined) throw new JobEnd("rej", { c: "E_UNSUPPORTED", m: `this gateway has no job '${request.op}'` });
      if (this.#kept!.step < 0) {
        try {
          operation.check(request.args);
        } catch (error) {
          throw new JobEnd("rej", commandErrorOf(error));
        }
        await this.#tell("queued", null, 0);
        await this.#waitForStart(request, signal);
      }
      await this.#runSteps(request, operation, signal);
      await this.#end(request, "ok", null);
    } catch (error) {
      if (this.#closing.signal.aborted) return; // the next start goes on
      const end = error instanceof JobEnd ? error : new JobEnd("err", commandErrorOf(error));
      await this.#end(request, end.state, end.error);
    }
  }

  async #waitForStart({ deadlineMs }: JobRequest, signal: AbortSignal): Promise<void> {
    const { utcMs, sleep } = this.#options;
    const { startMs } = this.#kept!;
    if (startMs > utcMs()) await this.#tell("wait", null, 0);
    for (;;) {
      const nowMs = utcMs();
      if (deadlineMs !== undefined && nowMs > deadlineMs) throw new JobEnd("err", { c: "E_EXPIRED", m: "its deadline has passed" });
      if (nowMs >= startMs) return;
      await sleep(Math.min(startMs - nowMs, MAX_SLEEP_MS), signal).catch((error: unknown) => {
        throw signal.reason instanceof JobEnd ? signal.reason : error;
      });
    }
  }

  async #runSteps(request: JobRequest, operation: JobOperation, signal: AbortSignal): Promise<void> {
    const { sleep } = this.#options;
    let index = Math.max(0, this.#kept!.step);
    // Found in the middle of a step: it may have done its work, as a reboot has.
    if (this.#kept!.step >= 0 && (await operation.steps[index]?.isDone?.(request.args)) === true) index++;
    while (index < operation.steps.length) {
      const step = operation.steps[index]!;
      await this.#keep({ step: index });
      await this.#tell("run", step.name, 0);
      try {
        await this.#runStep(request, step, signal);
        index++;
      } catch (error) {
        if (signal.aborted) throw error;
        const tries = this.#kept!.tries + 1;
        await this.#keep({ tries });
        if (tries < request.tries) {
          await sleep(RETRY_MS, signal);
          continue;
        }
        if (operation.rollBack === undefined) throw error;
        await operation.rollBack(request.args);
        throw new JobEnd("rolledback", commandErrorOf(error));
      }
    }
  }

  async #runStep({ args, stepSeconds }: JobRequest, step: JobStep, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const late = this.#options.sleep(stepSeconds * 1000, AbortSignal.any([signal, over.signal])).then(
      () => {
        over.abort();
        throw new CommandFault("E_TIMEOUT", `${step.name} took longer than ${stepSeconds} s`);
      },
      () => {
        if (signal.aborted) throw signal.reason;
      },
    );
    let told = 0;
    const progress = (percent: number): void => {
      if (Math.floor(percent) <= told || over.signal.aborted) return;
      told = Math.min(100, Math.floor(percent));
      void this.#tell("run", step.name, told);
    };
    const work = step.run({ args, signal: AbortSignal.any([signal, over.signal]), progress });
    work.catch(() => {}); // one that is late is not heard any more
    try {
      await Promise.race([work, late.then(() => work)]);
    } finally {
      over.abort();
    }
  }

  async #end({ job }: JobRequest, state: JobState, error: CommandError | null): Promise<void> {
    this.#options.log.info(`job ${job}: ${state}${error === null ? "" : `, ${error.m}`}`);
    this.#request = undefined;
    await this.#keep({ end: state });
    await this.#tell(state, null, state === "ok" ? 100 : 0, error);
  }

  async #tell(st: JobState, step: string | null, pct: number, e: CommandError | null = null): Promise<void> {
    const xv = this.#kept!.xv + 1;
    this.#kept = { ...this.#kept!, xv };
    const { job } = requestOf(this.#kept.text) as JobRequest;
    this.#options.update({ job, xv, st, step, pct, e });
  }

  /** What cannot be kept is gone on with all the same: the NOC sends the job again after a restart. */
  async #keep(change: Partial<KeptJob>): Promise<void> {
    this.#kept = { ...this.#kept!, ...change };
    await this.#options.store.save(this.#kept).catch((error: unknown) => {
      this.#options.log.warn(`the state of a job cannot be kept: ${errorText(error)}`);
    });
  }
}

function requestOf(text: string): JobRequest | { readonly fault: string } {
  const parsed = parseStrictJson(text);
  return "fault" in parsed ? parsed : parseJob(parsed.value);
}

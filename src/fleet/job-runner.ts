// The job that the NOC wants done: one at a time, step by step, at a time of its own, and gone on with after a restart.
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { CommandFault, commandErrorOf } from "./command-fault.ts";
import { type CommandError, MAX_REQUEST_BYTES } from "./command-request.ts";
import { isInWindow, type JobPlace, type JobRequest, parseJob, startOf } from "./job-request.ts";
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

/** A job that is known here, and its last state: what the inventory lists. */
export interface KnownJob {
  readonly job: string;
  readonly st: JobState;
  /** Of its last update. */
  readonly xv: number;
  /** Why it failed. */
  readonly e?: CommandError;
}

/** One step of an operation. A step that ends the process is found again by `isDone` at the next start. */
export interface JobStep {
  readonly name: string;
  /** Rejects with why not. */
  run(context: { readonly args: JobRequest["args"]; readonly signal: AbortSignal; progress(percent: number): void }): Promise<void>;
  /** After a restart: whether the step, during which the gateway stopped, did what it should. Default: it is run again. */
  isDone?(args: JobRequest["args"]): Promise<boolean>;
  /** It ends the process itself: nothing is cut off then. */
  readonly endsProcess?: boolean;
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
  /** The gateway was stopped in order while the step ran: that was no failure of it. */
  readonly isPaused?: boolean;
  /** The last ones that are over, the newest first: none of them is done again, but for one that was cancelled. */
  readonly done?: readonly KnownJob[];
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
  /** Whether that is a time at all; until it is, nothing begins that has a date of its own. */
  isTimeSet(): boolean;
  /** Whether it can be acted upon; until it can, nothing begins that has hours of the day. */
  isTimeTrusted(): boolean;
  /** Rejects when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  update(update: JobUpdate): void;
  /** A job is over, and kept to be. */
  ended?(): void;
  readonly log: Log;
}

const RETRY_MS = 60_000;
const DONE_JOBS = 16;
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
  #done: readonly KnownJob[] = [];
  #request: JobRequest | undefined;
  /** What the NOC wants next, while another one runs. */
  #next: { readonly text: string; readonly request: JobRequest } | undefined;
  #state: JobState = "queued";
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
    this.#done = kept.done ?? [];
    const request = requestOf(kept.text);
    if (kept.end !== null || "fault" in request) return;
    this.#begin(request);
  }

  /** The one at hand, then those that are over, the newest first. */
  get known(): readonly KnownJob[] {
    const current = this.#request === undefined ? [] : [{ job: this.#request.job, st: this.#state, xv: this.#kept!.xv }];
    return [...current, ...this.#done];
  }

  /** What the NOC's retained slot holds; empty: no job. A job that is not there any more is cancelled, unless a step runs. */
  receive(text: string): void {
    this.#next = undefined;
    if (text === "") {
      if (this.#request !== undefined && (this.#kept?.step ?? -1) < 0) this.#cancel?.abort(new JobEnd("cancel"));
      return;
    }
    const request = text.length > MAX_REQUEST_BYTES ? { fault: "it is too large" } : requestOf(text);
    if ("fault" in request) {
      this.#options.log.warn(`a job is refused: ${request.fault}`);
      return;
    }
    const isCancelled = this.#cancel?.signal.aborted === true;
    if (request.job === this.#request?.job && !isCancelled) return; // it comes again with each connection
    if (this.#done.some(({ job, st }) => job === request.job && st !== "cancel")) return;
    if (this.#request === undefined) {
      this.#take(text, request);
      return;
    }
    if (!isCancelled) this.#options.log.warn(`job ${request.job} waits: ${this.#request.job} is not over`);
    this.#next = { text, request };
  }

  /** The job of which a step runs that must not be cut off; undefined: none does. */
  get atWork(): string | undefined {
    const place = this.#kept?.step ?? -1;
    if (place < 0 || this.#request === undefined) return undefined;
    const step = this.#options.operations.get(this.#request.op)?.steps[place];
    return step?.endsProcess === true ? undefined : this.#request.job;
  }

  /** Resolves when what runs has ended. */
  idle(): Promise<void> {
    return this.#running;
  }

  close(): void {
    this.#closing.abort();
  }

  #take(text: string, request: JobRequest): void {
    const place = this.#options;
    // One that was cancelled and comes again goes on with its numbers.
    const xv = this.#done.find(({ job }) => job === request.job)?.xv ?? 0;
    this.#done = this.#done.filter(({ job }) => job !== request.job);
    this.#kept = { text, xv, startMs: startOf(request, place.utcMs(), place), tries: 0, step: -1, end: null };
    this.#begin(request);
  }

  #begin(request: JobRequest): void {
    this.#request = request;
    this.#cancel = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, this.#cancel.signal]);
    this.#running = this.#run(request, signal)
      .catch((error: unknown) => this.#options.log.error(`job ${request.job}: ${errorText(error)}`))
      .then(() => {
        const next = this.#next;
        if (next === undefined || this.#closing.signal.aborted) return;
        this.#next = undefined;
        this.#take(next.text, next.request);
        return this.#running;
      });
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
        this.#tell("queued", null, 0);
        await this.#waitForStart(request, signal);
      }
      await this.#runSteps(request, operation, signal);
      await this.#end(request, "ok", null);
    } catch (error) {
      if (this.#closing.signal.aborted) {
        if (this.#kept!.step >= 0) await this.#keep({ isPaused: true });
        return; // the next start goes on
      }
      const end = error instanceof JobEnd ? error : new JobEnd("err", commandErrorOf(error));
      await this.#end(request, end.state, end.error);
    }
  }

  async #waitForStart(request: JobRequest, signal: AbortSignal): Promise<void> {
    const { utcMs, sleep } = this.#options;
    const { deadlineMs } = request;
    if (!this.#isTimeEnough(request)) {
      this.#tell("wait", null, 0);
      while (!this.#isTimeEnough(request)) await sleep(MAX_SLEEP_MS, signal).catch(throwEnd(signal));
      await this.#keep({ startMs: startOf(request, utcMs(), this.#options) });
    }
    if (this.#kept!.startMs > utcMs()) this.#tell("wait", null, 0);
    for (;;) {
      const nowMs = utcMs();
      if (deadlineMs !== undefined && nowMs > deadlineMs) throw new JobEnd("err", { c: "E_EXPIRED", m: "its deadline has passed" });
      // The gateway was off in its window, or its clock was set: there is another one.
      if (nowMs >= this.#kept!.startMs && !isInWindow(request, nowMs, this.#options))
        await this.#keep({ startMs: startOf(request, nowMs, this.#options) });
      const { startMs } = this.#kept!;
      if (nowMs >= startMs) return;
      await sleep(Math.min(startMs - nowMs, MAX_SLEEP_MS), signal).catch(throwEnd(signal));
    }
  }

  #isTimeEnough({ window, notBeforeMs, deadlineMs }: JobRequest): boolean {
    const { isTimeSet, isTimeTrusted } = this.#options;
    if (window !== undefined) return isTimeTrusted();
    return (notBeforeMs ?? deadlineMs) === undefined || isTimeSet();
  }

  async #runSteps(request: JobRequest, operation: JobOperation, signal: AbortSignal): Promise<void> {
    const { sleep } = this.#options;
    let index = Math.max(0, this.#kept!.step);
    if (this.#kept!.step >= 0) {
      // Found in the middle of a step: it may have done its work, as a reboot has. One that takes the gateway down each time is not tried for ever.
      const found = operation.steps[index];
      if ((await found?.isDone?.(request.args)) === true) index++;
      else if (found !== undefined && this.#kept!.isPaused !== true)
        await this.#noteFailure(request, operation, new CommandFault("E_INTERNAL", `the gateway went down while ${found.name} ran`));
    }
    while (index < operation.steps.length) {
      signal.throwIfAborted();
      const step = operation.steps[index]!;
      await this.#keep({ step: index, isPaused: false });
      this.#tell("run", step.name, 0);
      try {
        await this.#runStep(request, step, signal);
        index++;
      } catch (error) {
        if (signal.aborted) throw error;
        await this.#noteFailure(request, operation, error);
        await sleep(RETRY_MS, signal);
      }
    }
  }

  /** Returns where the step may be tried again, and throws how the job ends where not. */
  async #noteFailure(request: JobRequest, operation: JobOperation, error: unknown): Promise<void> {
    const tries = this.#kept!.tries + 1;
    await this.#keep({ tries });
    if (tries < request.tries) return;
    if (operation.rollBack === undefined) throw error;
    await operation.rollBack(request.args);
    throw new JobEnd("rolledback", commandErrorOf(error));
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
      this.#tell("run", step.name, told);
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
    const xv = this.#kept!.xv + 1;
    this.#done = [{ job, st: state, xv, ...(error !== null && { e: error }) }, ...this.#done].slice(0, DONE_JOBS);
    await this.#keep({ end: state, done: this.#done });
    this.#tell(state, null, state === "ok" ? 100 : 0, error);
    this.#request = undefined;
    this.#options.ended?.();
  }

  #tell(st: JobState, step: string | null, pct: number, e: CommandError | null = null): void {
    this.#state = st;
    const xv = this.#kept!.xv + 1;
    this.#kept = { ...this.#kept!, xv };
    const { job } = requestOf(this.#kept.text) as JobRequest;
    this.#options.update({ job, xv, st, step, pct, e });
  }

  /** What cannot be kept is gone on with all the same: the NOC sends the job again after a restart. */
  async #keep(change: Partial<KeptJob>): Promise<void> {
    this.#kept = { ...this.#kept!, done: this.#done, ...change };
    await this.#options.store.save(this.#kept).catch((error: unknown) => {
      this.#options.log.warn(`the state of a job cannot be kept: ${errorText(error)}`);
    });
  }
}

/** For a sleep that the signal ended. */
function throwEnd(signal: AbortSignal): (error: unknown) => never {
  return (error) => {
    throw signal.reason instanceof JobEnd ? signal.reason : error;
  };
}

function requestOf(text: string): JobRequest | { readonly fault: string } {
  const parsed = parseStrictJson(text);
  return "fault" in parsed ? parsed : parseJob(parsed.value);
}

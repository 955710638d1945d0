// Runs the commands of hooks: those that last as long as what they belong to, and those that run once.
import { deferred } from "#base/deferred.ts";
import { EventCounter, eventReportText } from "#base/event-counter.ts";
import type { Log } from "#base/log.ts";
import { expandVariables, splitCommandLine } from "#base/process/command-line.ts";
import { GroupProcess } from "#base/process/group-process.ts";
import { OrphanWatch } from "#base/process/orphan-watch.ts";
import { KILL_AFTER_MS, ProcessGroups } from "#base/process/process-groups.ts";
import { afterDelay, type Schedule } from "#base/schedule.ts";
import { HookQueue, type LaneLimits } from "./hook-queue.ts";
import type { HookVariables } from "./hook-variables.ts";

const RESTART_PAUSE_MS = 5000;
/** How long one-shot commands may go on when the gateway ends, before they are interrupted. */
const CLOSE_WAIT_MS = 10_000;
/** For those that cannot even be killed: they wait for a disk. */
const LAST_WAIT_MS = 2000;
const LASTING: LaneLimits = { running: 256, waiting: 1024 };
const ONCE: LaneLimits = { running: 32, waiting: 1024 };

export interface HookCommand {
  /** Of its setting: `runOnReady`. Each has limits of its own. */
  readonly name: string;
  /** As configured; empty: there is none. */
  readonly line: string;
  readonly variables: HookVariables;
  /** Of what it belongs to. */
  readonly log: Log;
}

export interface LastingCommand extends HookCommand {
  /** Again, five seconds after it ended. */
  readonly restart: boolean;
}

export interface HookCommandsOptions {
  readonly log: Log;
  /** What commands inherit. Default: the environment of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly limits?: { readonly lasting?: LaneLimits; readonly once?: LaneLimits };
  readonly schedule?: Schedule;
}

export class HookCommands {
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #limits: { readonly lasting: LaneLimits; readonly once: LaneLimits };
  readonly #schedule: Schedule;
  readonly #log: Log;
  readonly #groups: ProcessGroups;
  readonly #queue: HookQueue;
  readonly #full: EventCounter;
  /** Of lasting commands that wait, run or pause. */
  readonly #stops = new Set<AbortController>();
  /** Each until a one-shot command, which may still wait for its turn, has ended. */
  readonly #onceEnded = new Set<Promise<void>>();
  /** Each until nothing of a process is left. */
  readonly #processesGone = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(options: HookCommandsOptions) {
    const { log, environment = process.env, limits, schedule = afterDelay } = options;
    this.#environment = environment;
    this.#limits = { lasting: limits?.lasting ?? LASTING, once: limits?.once ?? ONCE };
    this.#schedule = schedule;
    this.#log = log;
    this.#groups = new ProcessGroups({ watch: new OrphanWatch(log), schedule });
    this.#full = new EventCounter((report) => log.warn(`too many commands at once: ${eventReportText(report)}`), { schedule });
    this.#queue = new HookQueue({ onFull: (lane, fate) => this.#full.count(`${lane} ${fate}`) });
  }

  /** Starts a command that runs until the returned function is called, which interrupts it and waits for nothing. */
  start(command: LastingCommand): () => void {
    const words = this.#wordsOf(command);
    if (words === undefined) return () => {};
    const stop = new AbortController();
    const leave = this.#queue.enter(command.name, this.#limits.lasting, () => this.#last(command, words, stop.signal));
    this.#stops.add(stop);
    return () => {
      leave?.();
      this.#stops.delete(stop);
      stop.abort();
    };
  }

  /** Starts a command that runs once, to its own end. */
  launch(command: HookCommand): void {
    const words = this.#wordsOf(command);
    if (words === undefined) return;
    const ended = deferred<void>();
    const leave = this.#queue.enter(command.name, this.#limits.once, () => this.#runOnce(command, words).finally(() => ended.resolve()));
    if (leave !== undefined) remember(this.#onceEnded, ended.promise);
  }

  /** Nothing is started any more, except one-shot commands that wait already; they have ten seconds to end. Resolves, within 22 s, when nothing runs. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const stop of this.#stops) stop.abort();
    await this.#within(CLOSE_WAIT_MS, this.#onceEnded);
    const left = this.#queue.clear();
    if (left > 0) this.#log.warn(`commands of hooks that were not started before the end: ${left}`);
    this.#groups.interruptAll();
    await this.#within(KILL_AFTER_MS + LAST_WAIT_MS, this.#processesGone);
    this.#groups.close();
    this.#full.flush();
  }

  async #last(command: LastingCommand, words: readonly string[], signal: AbortSignal): Promise<void> {
    const { name, log, restart } = command;
    if (signal.aborted) return;
    log.info(`${name} command started`);
    do {
      const running = this.#spawn(command, words);
      const interrupt = (): void => running.interrupt();
      signal.addEventListener("abort", interrupt);
      const { well, text } = await running.ended;
      if (!signal.aborted) {
        if (well && !restart) log.debug(`${name} command ${text}`);
        else log.warn(`${name} command ${text}`);
        if (restart) running.interrupt(); // what it left in the background
      }
      await running.gone;
      signal.removeEventListener("abort", interrupt);
      if (restart) await this.#pause(RESTART_PAUSE_MS, signal);
    } while (restart && !signal.aborted);
    if (signal.aborted) log.info(`${name} command stopped`);
  }

  /** What it leaves in the background goes on until the gateway ends. */
  async #runOnce(command: HookCommand, words: readonly string[]): Promise<void> {
    const { name, log } = command;
    log.info(`${name} command launched`);
    const { well, text } = await this.#spawn(command, words).ended;
    if (well) log.debug(`${name} command ${text}`);
    else log.warn(`${name} command ${text}`);
  }

  #spawn({ name, variables, log }: HookCommand, words: readonly string[]): GroupProcess {
    const environment = { ...this.#environment, ...variables };
    const output = log.child(name);
    const running = new GroupProcess({
      words: expandVariables(words, environment),
      environment,
      line: (text) => output.info(text),
      groups: this.#groups,
      schedule: this.#schedule,
    });
    remember(this.#processesGone, running.gone);
    return running;
  }

  /** undefined: there is nothing to run. */
  #wordsOf({ name, line, log }: HookCommand): readonly string[] | undefined {
    if (this.#closed !== undefined) return undefined;
    const words = splitCommandLine(line);
    if (words === undefined) log.error(`${name}: a quote or a backslash of the command has no end`);
    return words?.length === 0 ? undefined : words;
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#schedule(() => {
        signal.removeEventListener("abort", end);
        resolve();
      }, ms);
      const end = (): void => {
        cancel();
        resolve();
      };
      signal.addEventListener("abort", end, { once: true });
    });
  }

  /** Resolves when all have settled, or the time is over. */
  async #within(ms: number, promises: Iterable<Promise<void>>): Promise<void> {
    const over = deferred<void>();
    const cancel = this.#schedule(over.resolve, ms);
    await Promise.race([Promise.all(promises), over.promise]);
    cancel();
  }
}

/** Keeps a promise, which must not reject, until it is settled. */
function remember(promises: Set<Promise<void>>, promise: Promise<void>): void {
  promises.add(promise);
  void promise.then(() => promises.delete(promise));
}

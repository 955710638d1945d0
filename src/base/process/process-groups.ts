// The process groups of child processes: each is known as long as anything in it runs, also what a command left in the background.
import type { Schedule } from "../schedule.ts";
import { type OrphanWatch, signalGroup } from "./orphan-watch.ts";

/** Nobody tells when the last process of a group is gone. */
const LOOK_MS = 250;
export const KILL_AFTER_MS = 10_000;
/** Groups that outlived their first process; the oldest is not looked after any more when there is one more. */
const MAX_LEADERLESS = 256;

interface Group {
  readonly number: number;
  /** Called once nothing of it runs, or it was killed. */
  readonly onGone: () => void;
  /** Its first process, which gave the group its number, has ended. */
  leaderless: boolean;
  killed: boolean;
  cancelKill: (() => void) | undefined;
}

export class ProcessGroups {
  readonly #groups = new Map<number, Group>();
  readonly #watch: Pick<OrphanWatch, "add" | "drop" | "close">;
  readonly #schedule: Schedule;
  readonly #signal: typeof signalGroup;
  #cancelLook: (() => void) | undefined;

  constructor(options: {
    readonly watch: Pick<OrphanWatch, "add" | "drop" | "close">;
    readonly schedule: Schedule;
    readonly signal?: typeof signalGroup;
  }) {
    this.#watch = options.watch;
    this.#schedule = options.schedule;
    this.#signal = options.signal ?? signalGroup;
  }

  /** `number` is the process id of a first process that has just been started in a group of its own. */
  add(number: number, onGone: () => void): void {
    this.#groups.set(number, { number, onGone, leaderless: false, killed: false, cancelKill: undefined });
    this.#watch.add(number);
  }

  /** The first process has ended. */
  leaderEnded(number: number): void {
    const group = this.#groups.get(number);
    if (group === undefined) return;
    group.leaderless = true;
    // As process 1 of a container nobody collects the dead for us: those of a group that was killed count as gone.
    if (group.killed) this.#forget(group);
    this.#look();
    const leaderless = this.#leaderless();
    if (leaderless.length > MAX_LEADERLESS) this.#forget(leaderless[0]!);
  }

  /** SIGINT, and ten seconds later SIGKILL for what still runs. */
  interrupt(number: number): void {
    const group = this.#groups.get(number);
    if (group === undefined || group.cancelKill !== undefined) return;
    this.#signal(number, "SIGINT");
    group.cancelKill = this.#schedule(() => {
      this.#signal(number, "SIGKILL");
      group.killed = true;
      if (group.leaderless) this.#forget(group);
    }, KILL_AFTER_MS);
  }

  interruptAll(): void {
    for (const number of [...this.#groups.keys()]) this.interrupt(number);
  }

  /** Whatever still runs is ended. */
  close(): void {
    this.#cancelLook?.();
    for (const group of this.#groups.values()) group.cancelKill?.();
    this.#watch.close();
  }

  #look(): void {
    for (const group of this.#leaderless()) if (!this.#signal(group.number, 0)) this.#forget(group);
    this.#cancelLook?.();
    this.#cancelLook = this.#leaderless().length === 0 ? undefined : this.#schedule(() => this.#look(), LOOK_MS);
  }

  #leaderless(): Group[] {
    return [...this.#groups.values()].filter(({ leaderless }) => leaderless);
  }

  #forget(group: Group): void {
    group.cancelKill?.();
    this.#groups.delete(group.number);
    this.#watch.drop(group.number);
    group.onGone();
  }
}

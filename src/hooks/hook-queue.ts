// How many commands of hooks run at once, and how many wait. Each hook has a lane of its own: a flood of one does not hold up another.

export interface LaneLimits {
  readonly running: number;
  readonly waiting: number;
}

export interface HookQueueOptions {
  /** A lane is full: `waits` for its turn, or is `dropped`. */
  onFull(lane: string, fate: "waits" | "dropped"): void;
}

interface Lane {
  readonly limits: LaneLimits;
  running: number;
  readonly waiting: Set<() => Promise<void>>;
}

export class HookQueue {
  readonly #options: HookQueueOptions;
  readonly #lanes = new Map<string, Lane>();
  #turn: NodeJS.Immediate | undefined;

  constructor(options: HookQueueOptions) {
    this.#options = options;
  }

  /**
   * Calls `run` when it is its turn, never at once; the lane has room again when its promise settles. The returned function takes back what has not begun;
   * undefined: it was dropped, there is no room to wait in. A lane has the limits of its first entry.
   */
  enter(name: string, limits: LaneLimits, run: () => Promise<void>): (() => void) | undefined {
    const lane = this.#lane(name, limits);
    if (lane.running + lane.waiting.size >= limits.running + limits.waiting) {
      this.#options.onFull(name, "dropped");
      return undefined;
    }
    if (lane.running + lane.waiting.size >= limits.running) this.#options.onFull(name, "waits");
    const entry = (): Promise<void> => run();
    lane.waiting.add(entry);
    this.#turn ??= setImmediate(() => this.#startOne());
    return () => void lane.waiting.delete(entry);
  }

  /** Nothing that waits will be started; the number of those. */
  clear(): number {
    const lanes = [...this.#lanes.values()];
    const count = lanes.reduce((sum, { waiting }) => sum + waiting.size, 0);
    for (const { waiting } of lanes) waiting.clear();
    return count;
  }

  #lane(name: string, limits: LaneLimits): Lane {
    const there = this.#lanes.get(name);
    if (there !== undefined) return there;
    const lane: Lane = { limits, running: 0, waiting: new Set() };
    this.#lanes.set(name, lane);
    return lane;
  }

  /** One in a turn of the event loop: to start a process takes a millisecond, in which no media moves. */
  #startOne(): void {
    this.#turn = undefined;
    const startable = (): [string, Lane] | undefined =>
      [...this.#lanes].find(([, { limits, running, waiting }]) => waiting.size > 0 && running < limits.running);
    const next = startable();
    if (next === undefined) return;
    const [name, lane] = next;
    // To the end of the list: the lanes take turns.
    this.#lanes.delete(name);
    this.#lanes.set(name, lane);
    const [run] = lane.waiting;
    lane.waiting.delete(run!);
    lane.running++;
    void run!().finally(() => {
      lane.running--;
      this.#turn ??= setImmediate(() => this.#startOne());
    });
    if (startable() !== undefined) this.#turn = setImmediate(() => this.#startOne());
  }
}

// The one writer of a medium: takes turns between cameras, syncs when they are due, and does what else has to be done, one thing at a time.
import type { Clock } from "#base/clock.ts";
import { type Deferred, deferred } from "#base/deferred.ts";
import { diskFaultOf, isOfMedium } from "../disk-fault.ts";
import { StoreFault } from "../store.ts";
import type { CameraLane } from "./camera-lane.ts";
import type { RingEvent } from "./ring-event.ts";
import type { Schedule } from "./schedule.ts";
import { STALL_MS, type SyncPace, syncDueUs } from "./sync-pace.ts";
import type { RingVolume } from "./volume.ts";

/** A lane with what the writer keeps about it. */
export interface WriterLane {
  readonly lane: CameraLane;
  /** Higher ones are served first when the medium is too slow, and others are shortened for them. */
  readonly priority: number;
  /** Longest time until written data is durable; undefined: the pace of all. */
  syncPeriodMs(): number | undefined;
  onFault(fault: StoreFault): void;
  syncDueUs: number | undefined;
  /** Resolved when all that was taken is durable. */
  flushing: Deferred<void> | undefined;
}

/** What is done when nothing more urgent is; undefined: nothing. */
export type Chore = () => Promise<void>;

export interface WriterOptions {
  readonly clock: Clock;
  readonly schedule: Schedule;
  readonly pace: SyncPace;
  /** Asked when there is no media to write. */
  nextChore(volume: RingVolume): Chore | undefined;
  onMediumFault(fault: StoreFault): void;
  onEvent(event: RingEvent): void;
}

interface Task {
  run(volume: RingVolume): Promise<void>;
  reject(fault: unknown): void;
}

export class RingWriter {
  readonly #options: WriterOptions;
  readonly #lanes = new Set<WriterLane>();
  #tasks: Task[] = [];
  #volume: RingVolume | undefined;
  #pumping: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #fault = new StoreFault("gone", "the ring is not mounted");

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get lanes(): ReadonlySet<WriterLane> {
    return this.#lanes;
  }

  get volume(): RingVolume | undefined {
    return this.#volume;
  }

  /** Why there is no volume. */
  get fault(): StoreFault {
    return this.#fault;
  }

  remove(lane: WriterLane): void {
    this.#lanes.delete(lane);
  }

  add(lane: WriterLane): void {
    if (this.#lanes.has(lane)) return;
    this.#lanes.add(lane);
    if (this.#volume !== undefined) lane.lane.mount(this.#volume);
  }

  mount(volume: RingVolume): void {
    this.#volume = volume;
    for (const { lane } of this.#lanes) lane.mount(volume);
    this.wake();
  }

  /** Resolves when no call of this writer touches the medium any more. What waits is lost; lanes are told why, unless somebody wanted it (`isWanted`). */
  async unmount(fault: StoreFault, isWanted = false): Promise<void> {
    this.#volume = undefined;
    this.#fault = fault;
    this.#cancelTimer?.();
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task.reject(fault);
    await this.#pumping;
    for (const lane of this.#lanes) {
      await lane.lane.unmount();
      lane.syncDueUs = undefined;
      lane.flushing?.resolve();
      lane.flushing = undefined;
      if (!isWanted) lane.onFault(fault);
    }
  }

  /** Between two writes. Rejects with a StoreFault when there is no medium, else with what the task rejects with. */
  run<T>(task: (volume: RingVolume) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#volume === undefined) {
        reject(this.#fault);
        return;
      }
      const run = async (volume: RingVolume): Promise<void> => {
        try {
          resolve(await task(volume));
        } catch (error) {
          reject(error);
          const fault = diskFaultOf(error);
          if (fault !== undefined && isOfMedium(fault)) throw fault;
        }
      };
      this.#tasks.push({ run, reject });
      this.wake();
    });
  }

  /** All a lane has taken is durable, or lost, when it resolves. */
  async flush(lane: WriterLane): Promise<void> {
    if (this.#volume === undefined || (lane.lane.queuedBytes === 0 && !lane.lane.isDirty)) return;
    lane.flushing ??= deferred();
    this.wake();
    await lane.flushing.promise;
  }

  /** Drops the oldest group of pictures of the camera that matters least. True: of one that matters less than `lane`. */
  shed(lane: WriterLane): boolean {
    let victim: WriterLane | undefined;
    for (const other of this.#lanes) {
      if (other.priority >= lane.priority || other.lane.queue.length === 0) continue;
      if (victim === undefined || other.priority < victim.priority || isOlder(other, victim)) victim = other;
    }
    return victim?.lane.dropGroup() === true;
  }

  /** There is something to do. */
  wake(): void {
    if (this.#pumping !== undefined || this.#volume === undefined) return;
    this.#cancelTimer?.();
    this.#pumping = this.#pump();
  }

  async #pump(): Promise<void> {
    // What is to be done is looked for after whoever woke us is done.
    await Promise.resolve();
    for (let job = this.#nextJob(); job !== undefined; job = this.#nextJob()) await this.#timed(job);
    this.#pumping = undefined;
    this.#armTimer();
  }

  /** The most urgent first: what is due to be durable, what somebody waits for, media, and the rest. */
  #nextJob(): (() => Promise<void>) | undefined {
    const volume = this.#volume;
    if (volume === undefined) return undefined;
    const nowUs = this.#options.clock.nowUs();
    for (const lane of this.#lanes) {
      if (isDue(lane, nowUs)) return () => this.#sync(lane);
    }
    const task = this.#tasks.shift();
    if (task !== undefined) return () => task.run(volume);
    const lane = this.#nextLane();
    if (lane !== undefined) return () => this.#write(lane);
    for (const { lane } of this.#lanes) {
      if (lane.closeDueUs !== undefined && lane.closeDueUs <= nowUs) return () => lane.finish();
    }
    return this.#options.nextChore(volume);
  }

  /** Oldest fragment first; once a queue is half full, by priority first. */
  #nextLane(): WriterLane | undefined {
    const waiting = [...this.#lanes].filter(({ lane }) => lane.queue.length > 0);
    const isPressed = waiting.some(({ lane }) => lane.queue.isHalfFull);
    let next: WriterLane | undefined;
    for (const lane of waiting) {
      if (next === undefined || (isPressed && lane.priority !== next.priority ? lane.priority > next.priority : isOlder(lane, next)))
        next = lane;
    }
    return next;
  }

  async #write(lane: WriterLane): Promise<void> {
    try {
      await lane.lane.writeNext();
    } catch (error) {
      const fault = diskFaultOf(error);
      if (fault === undefined || isOfMedium(fault)) throw error;
      lane.lane.queue.clear();
      this.#settle(lane);
      this.#options.onEvent({ type: "stop", path: lane.lane.path, code: fault.code, text: fault.message });
      lane.onFault(fault);
    }
    const { clock, pace } = this.#options;
    const periodMs = Math.min(pace.periodMs, lane.syncPeriodMs() ?? Number.POSITIVE_INFINITY);
    if (lane.lane.isDirty) lane.syncDueUs ??= syncDueUs(clock.nowUs(), periodMs, this.#phaseOf(lane));
    this.#settle(lane);
  }

  async #sync(lane: WriterLane): Promise<void> {
    const { clock, pace } = this.#options;
    lane.syncDueUs = undefined;
    const startUs = clock.nowUs();
    await lane.lane.sync();
    if (pace.synced((clock.nowUs() - startUs) / 1000, clock.nowUs())) this.#options.onEvent({ type: "disk-calm" });
    this.#settle(lane);
  }

  #settle(lane: WriterLane): void {
    if (lane.flushing === undefined || lane.lane.queuedBytes > 0 || lane.lane.isDirty) return;
    lane.flushing.resolve();
    lane.flushing = undefined;
  }

  /** A call that takes too long is told of while it hangs. */
  async #timed(job: () => Promise<void>): Promise<void> {
    const { schedule, pace, clock, onEvent, onMediumFault } = this.#options;
    const cancel = schedule(() => {
      if (pace.stall(clock.nowUs())) onEvent({ type: "disk-slow" });
    }, STALL_MS);
    try {
      await job();
    } catch (error) {
      const fault = diskFaultOf(error);
      if (fault === undefined) throw error;
      this.#volume = undefined;
      this.#fault = fault;
      onMediumFault(fault);
    } finally {
      cancel();
    }
  }

  #phaseOf(lane: WriterLane): number {
    return [...this.#lanes].indexOf(lane) / this.#lanes.size;
  }

  #armTimer(): void {
    const nowUs = this.#options.clock.nowUs();
    let nextUs = Number.POSITIVE_INFINITY;
    for (const { lane, syncDueUs } of this.#lanes) nextUs = Math.min(nextUs, syncDueUs ?? nextUs, lane.closeDueUs ?? nextUs);
    if (this.#volume === undefined || nextUs === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = this.#options.schedule(() => this.wake(), Math.max(1, Math.ceil((nextUs - nowUs) / 1000)));
  }
}

function isDue({ lane, syncDueUs, flushing }: WriterLane, nowUs: number): boolean {
  if (flushing !== undefined && lane.queue.length === 0) return true;
  return syncDueUs !== undefined && syncDueUs <= nowUs;
}

function isOlder(a: WriterLane, b: WriterLane): boolean {
  return a.lane.queue.first!.fragment.captureUs < b.lane.queue.first!.fragment.captureUs;
}

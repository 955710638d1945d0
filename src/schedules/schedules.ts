// What a site does at set times: recording and telemetry stand as schedules last said, pictures and the like are done when they fall due.
import { errorText } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { type Plan, planKey, timesOf } from "./plan.ts";
import { RecordingWishes, type TimedPlan } from "./recording-wishes.ts";
import { StandingOrder } from "./standing-order.ts";
import { type Time, Timetable } from "./timetable.ts";

export type { Plan } from "./plan.ts";

/** Does what a plan says, when it falls due. Rejects with what is to be logged. */
export type Perform = (plan: Plan, due: { readonly dueMs: number; readonly signal: AbortSignal }) => Promise<void>;

export interface SchedulesOptions {
  now(): Time;
  /** The entry of `paths` that a path belongs to. */
  entryOf(path: string): string | undefined;
  /** Undefined: there is nothing to do but to take note, since the state follows. */
  performerOf(plan: Plan): Perform | undefined;
  /** What `isRecorded` answers may be something else. */
  onRecording(): void;
  /** `telemetry` is something else. */
  onTelemetry(): void;
  readonly log: Log;
}

/** How a plan stands. Times are UTC, ms since 1970. */
export interface PlanStatus {
  readonly plan: Plan;
  /** Undefined: nobody knows the time, or never. */
  readonly nextMs: number | undefined;
  /** When it was last due since the start of the process. */
  readonly lastMs: number | undefined;
  /** What went wrong then. */
  readonly fault: string | undefined;
  readonly isRunning: boolean;
}

class PlanState {
  readonly closing = new AbortController();
  lastMs: number | undefined;
  fault: string | undefined;
  running: Promise<void> | undefined;
}

export class Schedules {
  readonly #options: SchedulesOptions;
  readonly #timetable: Timetable;
  readonly #recording: RecordingWishes;
  #plans: readonly TimedPlan[] = [];
  #telemetry = new StandingOrder<string>([]);
  #telemetryValue: string | undefined;
  /** By key. */
  #states = new Map<string, PlanState>();
  #utcMs: number | undefined;

  constructor(options: SchedulesOptions) {
    const { now, log, entryOf } = options;
    this.#options = options;
    this.#recording = new RecordingWishes({ entryOf });
    this.#timetable = new Timetable({
      now,
      onLeap: (aheadMs) => log.warn(`the clock went forward by ${Math.round(aheadMs / 60_000)} min: what was due in between is left out`),
    });
  }

  /** Plans that were there before go on undisturbed; what one that is gone was doing is ended. */
  update(plans: readonly Plan[]): void {
    const before = this.#states;
    this.#plans = plans.map((plan) => ({ plan, times: timesOf(plan) }));
    this.#states = new Map(plans.map((plan) => [planKey(plan), before.get(planKey(plan)) ?? new PlanState()]));
    for (const [key, { closing }] of before) if (!this.#states.has(key)) closing.abort();
    this.#timetable.setEntries(
      this.#plans.map(({ plan, times }) => ({ key: planKey(plan), times, run: (dueMs) => this.#onDue(plan, dueMs) })),
    );
    this.#recording.setPlans(this.#plans);
    const telemetry = this.#plans.filter(({ plan }) => plan.do === "telemetry");
    this.#telemetry = new StandingOrder(telemetry.map(({ plan, times }) => ({ times, value: plan.value })));
    this.#look();
    this.#options.onRecording();
  }

  /** To be called every second or so. */
  tick(): void {
    this.#timetable.tick();
    this.#look();
  }

  /** Whether a path is to be recorded now; undefined: no schedule says, so that the setting `record` does. */
  isRecorded(path: string): boolean | undefined {
    return this.#recording.of(path, this.#utcMs);
  }

  /** Somebody switched recording of an entry of `paths` by hand: that holds until a schedule says something again. */
  switchByHand(entry: string, isOn: boolean): void {
    this.#recording.setByHand(entry, isOn, this.#utcMs);
    this.#options.onRecording();
  }

  /** The value of the telemetry schedule that holds; undefined: none does. */
  get telemetry(): string | undefined {
    return this.#telemetryValue;
  }

  /** In the order of the config. */
  list(): readonly PlanStatus[] {
    return this.#plans.map(({ plan }) => {
      const key = planKey(plan);
      const { lastMs, fault, running } = this.#states.get(key)!;
      return { plan, nextMs: this.#timetable.nextOf(key), lastMs, fault, isRunning: running !== undefined };
    });
  }

  /** Resolves when nothing is being done any more. */
  async close(): Promise<void> {
    const states = [...this.#states.values()];
    for (const { closing } of states) closing.abort();
    await Promise.all(states.map(({ running }) => running));
  }

  /** A clock that is no longer trusted changes nothing: what stood stands. */
  #look(): void {
    const { utcMs, isTrusted } = this.#options.now();
    if (!isTrusted && this.#utcMs === undefined) return;
    const wasUnknown = this.#utcMs === undefined;
    if (isTrusted) this.#utcMs = utcMs;
    if (this.#recording.haveChanged(this.#utcMs!) || wasUnknown) this.#options.onRecording();
    const telemetry = this.#telemetry.at(this.#utcMs!)?.value;
    if (telemetry === this.#telemetryValue) return;
    this.#telemetryValue = telemetry;
    this.#options.onTelemetry();
  }

  #onDue(plan: Plan, dueMs: number): void {
    const { log, performerOf } = this.#options;
    const name = `${plan.do}${plan.path === "" ? "" : ` of ${plan.path}`} (${plan.cron}, ${plan.timeZone})`;
    const state = this.#states.get(planKey(plan));
    if (state === undefined) return;
    const perform = performerOf(plan);
    if (perform === undefined) {
      state.lastMs = dueMs;
      log.info(`due: ${name}`);
      return;
    }
    if (state.running !== undefined) {
      log.warn(`left out, since the one before still runs: ${name}`);
      return;
    }
    state.lastMs = dueMs;
    const { signal } = state.closing;
    state.running = perform(plan, { dueMs, signal })
      .then(
        () => {
          state.fault = undefined;
        },
        (error: unknown) => {
          if (signal.aborted) return;
          const fault = errorText(error);
          if (fault !== state.fault) log.warn(`${name}: ${fault}`);
          state.fault = fault;
        },
      )
      .finally(() => {
        state.running = undefined;
      });
  }
}

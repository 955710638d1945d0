// Commands about schedules: when what is done next, and how it went the last time.
import type { Command } from "#control/command.ts";
import type { PlanStatus } from "#schedules/schedules.ts";
import { readFields } from "./command-input.ts";

/** Times are UTC, ms since 1970. */
export interface ScheduleItem {
  readonly cron: string;
  readonly zone: string;
  readonly do: PlanStatus["plan"]["do"];
  /** Null: every path, or none. */
  readonly path: string | null;
  readonly value: string | null;
  /** Null: the time is not known yet, or never again. */
  readonly next: number | null;
  /** When it was last due, since the start of the process. */
  readonly last: number | null;
  readonly running: boolean;
  /** What went wrong the last time. */
  readonly err: string | null;
}

export interface SchedulesState {
  /** False: nothing is done until the time is known. */
  readonly trusted: boolean;
  /** In the order of the config. */
  readonly schedules: readonly ScheduleItem[];
}

/** Of telemetry: what is done next. */
export interface SchedulesHealth {
  readonly next: number | null;
  readonly do: ScheduleItem["do"] | null;
  /** Schedules that went wrong the last time. */
  readonly fail: number;
}

export interface ScheduleSource {
  readonly isClockTrusted: boolean;
  list(): readonly PlanStatus[];
}

/** `source` is asked at each use; undefined: the config has no schedules. */
export function scheduleCommands(source: () => ScheduleSource | undefined) {
  const list: Command<undefined, SchedulesState> = {
    name: "sched.list",
    scope: "read",
    summary: "The schedules of the config: when each is due next, when it last was, and what went wrong.",
    parse: (input) => void readFields(input, []),
    run: async () => ({ trusted: source()?.isClockTrusted ?? true, schedules: (source()?.list() ?? []).map(itemOf) }),
  };
  return [list] as const;
}

/** Undefined: there are none. */
export function schedulesHealth(source: ScheduleSource | undefined): SchedulesHealth | undefined {
  if (source === undefined) return undefined;
  const items = source.list().map(itemOf);
  let first: ScheduleItem | undefined;
  for (const item of items) if (item.next !== null && (first === undefined || item.next < first.next!)) first = item;
  return { next: first?.next ?? null, do: first?.do ?? null, fail: items.filter(({ err }) => err !== null).length };
}

function itemOf({ plan, nextMs, lastMs, fault, isRunning }: PlanStatus): ScheduleItem {
  return {
    cron: plan.cron,
    zone: plan.timeZone,
    do: plan.do,
    path: plan.path || null,
    value: plan.value || null,
    next: nextMs ?? null,
    last: lastMs ?? null,
    running: isRunning,
    err: fault ?? null,
  };
}

// One schedule, as the config has it: when, and what is done.
import { parseCron } from "#base/cron-expression.ts";
import { CronTimes } from "#base/cron-times.ts";
import { TimeZone } from "#base/time-zone.ts";

export type PlanAction = "recordOn" | "recordOff" | "reboot" | "snapshot" | "telemetry";

export interface Plan {
  /** Five fields. */
  readonly cron: string;
  readonly timeZone: string;
  readonly do: PlanAction;
  /** A path, or an entry of `paths`; empty: every path. */
  readonly path: string;
  readonly value: string;
}

/** Of a plan that the config's validation let through. */
export function timesOf({ cron, timeZone }: Plan): CronTimes {
  const expression = parseCron(cron);
  const zone = TimeZone.of(timeZone);
  if ("fault" in expression || zone === undefined) throw new Error(`'${cron}' in '${timeZone}' is no schedule`);
  return new CronTimes(expression, zone);
}

/** Plans with equal keys are the same one. */
export function planKey({ cron, timeZone, do: action, path, value }: Plan): string {
  return JSON.stringify([cron, timeZone, action, path, value]);
}

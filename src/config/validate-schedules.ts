// What schedules must satisfy: times that exist, paths that are configured, values that their actions understand, and none that contradicts another.

import { type CronExpression, doMeet, parseCron } from "#base/cron-expression.ts";
import { TimeZone } from "#base/time-zone.ts";
import type { Config } from "./config.ts";
import { parseDuration } from "./duration.ts";
import type { Schedule } from "./object-types.table.ts";
import type { Report } from "./validate-global.ts";

/** Each is looked at every second, and against each other here. */
const MAX_SCHEDULES = 200;
const MAX_PICTURES = 10_000;
const MAX_WINDOW_MS = 24 * 3_600_000;
const LEAST_INTERVAL_MS = 1000;

type SchedulesConfig = Pick<Config, "global" | "paths">;

export function validateSchedules(config: SchedulesConfig, report: Report): void {
  const { schedules } = config.global;
  const say = (field: string, message: string): void => report(field, message, "schedules");
  if (schedules.length > MAX_SCHEDULES) {
    say("schedules", `must not be more than ${MAX_SCHEDULES}`);
    return;
  }
  const expressions = schedules.map((schedule, i) => {
    const name = `schedules[${i}]`;
    const expression = parseCron(schedule.cron);
    if ("fault" in expression) say(`${name}.cron`, expression.fault);
    else if (schedule.do === "reboot" && expression.minutes.length > 1) {
      say(`${name}.cron`, "would reboot more often than once an hour: the minute has to be one number");
    }
    if (TimeZone.of(schedule.timeZone) === undefined) {
      say(`${name}.timeZone`, `'${schedule.timeZone}' is no time zone: write a name such as UTC or Europe/Berlin`);
    }
    const pathFault = faultOfPath(schedule, config);
    if (pathFault !== undefined) say(`${name}.path`, pathFault);
    const valueFault = faultOfValue(schedule);
    if (valueFault !== undefined) say(`${name}.value`, valueFault);
    return "fault" in expression ? undefined : expression;
  });
  for (const [i, schedule] of schedules.entries()) {
    const other = schedules.findIndex((before, j) => j < i && contradicts(schedule, before) && meet(expressions[i], expressions[j]));
    if (other !== -1) {
      say(`schedules[${i}]`, `says something else than schedules[${other}] at a time that both have: change one of the times`);
    }
  }
}

/** Whether an entry of `paths` is what a schedule names; every one of them is where it names none. */
export function isScheduled({ path }: Pick<Schedule, "path">, { name, pattern }: Config["paths"][number]): boolean {
  return path === "" || path === name || (pattern !== undefined && !path.startsWith("~") && pattern.exec(path) !== null);
}

function faultOfPath(schedule: Schedule, { paths, global }: SchedulesConfig): string | undefined {
  const { path, do: action } = schedule;
  if (action === "reboot" || action === "telemetry")
    return path === "" ? undefined : `is of no use with do: ${action}, which concerns no path`;
  const concerned = path === "" ? paths : paths.filter((entry) => isScheduled(schedule, entry)).slice(0, 1);
  if (path !== "" && concerned.length === 0) return `there is no path '${path}' in paths`;
  const needsRing = concerned.find(({ settings }) => settings.recordStore === "ring");
  return action === "recordOn" && needsRing !== undefined && global.ring.directory === ""
    ? `'${needsRing.name}' is recorded to the ring, which needs ring.directory`
    : undefined;
}

function faultOfValue({ do: action, value }: Schedule): string | undefined {
  switch (action) {
    case "recordOn":
    case "recordOff":
      return value === "" ? undefined : `is of no use with do: ${action}`;
    case "snapshot":
      return value === "" || (/^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= MAX_PICTURES)
        ? undefined
        : `must say how many pictures are kept of each path, 1 to ${MAX_PICTURES}`;
    case "telemetry":
      return value === "" || (parseDuration(value) ?? 0) >= LEAST_INTERVAL_MS
        ? undefined
        : "must be how often telemetry is sent, 1s or more, or empty for mqtt.telemetryInterval";
    case "reboot": {
      const windowMs = value === "" ? 0 : parseDuration(value);
      return windowMs !== undefined && windowMs >= 0 && windowMs <= MAX_WINDOW_MS
        ? undefined
        : "must be how much later the machine may still be rebooted, such as 2h, 24h at most";
    }
  }
}

/** Two that cannot both hold from one instant on. */
function contradicts(one: Schedule, other: Schedule): boolean {
  if (one.timeZone !== other.timeZone || one.path !== other.path) return false;
  const isRecording = ({ do: action }: Schedule): boolean => action === "recordOn" || action === "recordOff";
  if (isRecording(one) && isRecording(other)) return one.do !== other.do;
  return one.do === "telemetry" && other.do === "telemetry" && one.value !== other.value;
}

function meet(one: CronExpression | undefined, other: CronExpression | undefined): boolean {
  return one !== undefined && other !== undefined && doMeet(one, other);
}

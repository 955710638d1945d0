// Cron expressions of five fields: minute, hour, day of month, month, day of week. A day counts when all three of its fields let it.
import { validateDetailed } from "node-cron";

export interface CronExpression {
  /** Ascending. */
  readonly minutes: readonly number[];
  /** Ascending. */
  readonly hours: readonly number[];
  readonly daysOfMonth: ReadonlySet<number>;
  /** From 1. */
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>;
}

const MAX_LENGTH = 200;
/** One element of a field. Longer numbers are never expanded: `0-9999999` would take seconds; nor are words in a row, which node-cron reads as one number. */
const ELEMENT = /^(?:\*|\?|\d{1,2}|[a-z]{3})(?:-(?:\d{1,2}|[a-z]{3}))?(?:\/(\d{1,2}))?$/i;
/** `key`: node-cron's name. A larger step than `maxStep` would be the first value alone: every 90 minutes is not what it says. */
const FIELDS = [
  { key: "minute", name: "minute", maxStep: 59 },
  { key: "hour", name: "hour", maxStep: 23 },
  { key: "dayOfMonth", name: "day of month", maxStep: 30 },
  { key: "month", name: "month", maxStep: 11 },
  { key: "dayOfWeek", name: "day of week", maxStep: 6 },
] as const;
const DAYS_IN_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** `fault`: what is wrong with it, without naming the setting. */
export function parseCron(text: string): CronExpression | { readonly fault: string } {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== FIELDS.length) {
    const count = text.trim() === "" ? 0 : fields.length;
    return { fault: `needs five fields (${FIELDS.map(({ name }) => name).join(", ")}), and has ${count}` };
  }
  if (text.length > MAX_LENGTH) return { fault: `must not be longer than ${MAX_LENGTH} characters` };
  for (const [i, { name, maxStep }] of FIELDS.entries()) {
    const wrong = fields[i]!.split(",").find((element) => {
      const found = ELEMENT.exec(element);
      return found === null || Number(found[1] ?? 1) > maxStep;
    });
    if (wrong !== undefined) {
      const right = `*, numbers, names as jan and mon, a-b, lists with commas, steps as */n or a-b/n with n up to ${maxStep}`;
      return { fault: `the field ${name} has '${wrong}': write ${right}` };
    }
  }
  const { fields: found, errors } = validateDetailed(fields.join(" "));
  if (found === undefined) {
    const at = FIELDS.findIndex(({ key }) => key === errors[0]?.field);
    const isImpossible = errors[0]?.message.includes("impossible") === true; // each is right by itself
    return { fault: isImpossible ? "no month has such a day" : `the field ${FIELDS[at]?.name} cannot be '${fields[at]}'` };
  }
  return {
    minutes: [...new Set(found.minute)].sort(ascending),
    hours: [...new Set(found.hour)].sort(ascending),
    daysOfMonth: new Set(found.dayOfMonth.map(Number)),
    months: new Set(found.month),
    daysOfWeek: new Set(found.dayOfWeek.map(Number)),
  };
}

/** Whether there is a minute that both mean, in one time zone. */
export function doMeet(one: CronExpression, other: CronExpression): boolean {
  const both = (a: Iterable<number>, b: Iterable<number>): Set<number> => {
    const known = new Set(b);
    return new Set([...a].filter((value) => known.has(value)));
  };
  const common = {
    minutes: [...both(one.minutes, other.minutes)],
    hours: [...both(one.hours, other.hours)],
    daysOfMonth: both(one.daysOfMonth, other.daysOfMonth),
    months: both(one.months, other.months),
    daysOfWeek: both(one.daysOfWeek, other.daysOfWeek),
  };
  return common.minutes.length > 0 && common.hours.length > 0 && common.daysOfWeek.size > 0 && hasDay(common);
}

/** In the years to come every day of the year falls on every day of the week. */
function hasDay({ daysOfMonth, months }: CronExpression): boolean {
  return [...months].some((month) => [...daysOfMonth].some((day) => day <= DAYS_IN_MONTH[month - 1]!));
}

function ascending(a: number, b: number): number {
  return a - b;
}

// Cron expressions of five fields: minute, hour, day of month, month, day of week. A day counts when all three of its fields let it.
import { parse } from "node-cron";

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
/** One element of a field. Longer numbers are never expanded: `0-9999999` would take seconds. */
const ELEMENT = /^(?:\*|\?|\d{1,2}|[a-z]{3,9})(?:-(?:\d{1,2}|[a-z]{3,9}))?(?:\/\d{1,2})?$/i;
const FIELD_NAMES = ["minute", "hour", "day of month", "month", "day of week"] as const;
const DAYS_IN_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** `fault`: what is wrong with it, without naming the setting. */
export function parseCron(text: string): CronExpression | { readonly fault: string } {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5)
    return { fault: `needs five fields (${FIELD_NAMES.join(", ")}), and has ${text.trim() === "" ? 0 : fields.length}` };
  if (text.length > MAX_LENGTH) return { fault: `must not be longer than ${MAX_LENGTH} characters` };
  for (const [i, field] of fields.entries()) {
    const wrong = field.split(",").find((element) => !ELEMENT.test(element));
    if (wrong !== undefined)
      return { fault: `the field ${FIELD_NAMES[i]} has '${wrong}': write *, numbers, a-b, lists with commas, steps as */n or a-b/n` };
  }
  for (const [i, field] of fields.entries()) {
    const alone = fields.map((_, j) => (i === j ? field : "*")).join(" ");
    if (expanded(alone) === undefined) return { fault: `the field ${FIELD_NAMES[i]} cannot be '${field}'` };
  }
  const expression = expanded(fields.join(" "));
  if (expression === undefined || !hasDay(expression)) return { fault: "no month has such a day" };
  return expression;
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

function expanded(text: string): CronExpression | undefined {
  try {
    const { minute, hour, dayOfMonth, month, dayOfWeek } = parse(text);
    const [days, weekdays] = [dayOfMonth.filter(isNumber), dayOfWeek.filter(isNumber)];
    if (days.length < dayOfMonth.length || weekdays.length < dayOfWeek.length) return undefined;
    return {
      minutes: [...minute].sort(ascending),
      hours: [...hour].sort(ascending),
      daysOfMonth: new Set(days),
      months: new Set(month),
      daysOfWeek: new Set(weekdays),
    };
  } catch {
    return undefined;
  }
}

function isNumber(value: number | string): value is number {
  return typeof value === "number";
}

function ascending(a: number, b: number): number {
  return a - b;
}

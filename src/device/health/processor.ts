// CPU and load as Linux tells them: /proc/stat, /proc/PID/stat, /proc/loadavg, /proc/uptime (proc(5)).

export interface CpuTimes {
  /** Of all cores together, in ticks. */
  readonly busyTicks: number;
  readonly totalTicks: number;
  readonly cores: number;
}

export interface ProcessTimes {
  readonly name: string;
  /** User and system, in ticks, with those of children it waited for. */
  readonly ticks: number;
}

/** The lines of `cpu`; waiting for a disk is idle. Undefined: it cannot be read. */
export function parseCpuTimes(text: string): CpuTimes | undefined {
  const [, fields] = /^cpu((?: +\d+)+)/m.exec(text) ?? [];
  const numbers = fields?.trim().split(/ +/).map(Number);
  if (numbers === undefined || numbers.length < 4) return undefined;
  // guest and guest_nice are in user and nice already
  const totalTicks = numbers.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0);
  const idleTicks = numbers[3]! + (numbers[4] ?? 0);
  return { busyTicks: totalTicks - idleTicks, totalTicks, cores: text.match(/^cpu\d+ /gm)?.length ?? 1 };
}

/** The name may hold anything, parentheses and spaces included. */
export function parseProcessTimes(text: string): ProcessTimes | undefined {
  const [open, close] = [text.indexOf("("), text.lastIndexOf(")")];
  if (open < 0 || close < open) return undefined;
  const fields = text
    .slice(close + 2)
    .split(" ")
    .map(Number);
  const times = fields.slice(11, 15); // utime stime cutime cstime, fields 14 to 17
  if (times.length < 4 || times.some((ticks) => !Number.isFinite(ticks))) return undefined;
  return { name: text.slice(open + 1, close), ticks: times.reduce((sum, ticks) => sum + ticks, 0) };
}

/** Of the last minute. */
export function parseLoad(text: string): number | undefined {
  return firstNumber(text);
}

/** Seconds since the machine was started. */
export function parseUptime(text: string): number | undefined {
  return firstNumber(text);
}

function firstNumber(text: string): number | undefined {
  const [number] = /^\d+(?:\.\d+)?(?=\s)/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number);
}

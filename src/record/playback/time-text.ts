// Instants and durations as playback's clients write them: RFC 3339 times, seconds, and Go's durations.

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:[Zz]|([+ -])(\d\d):(\d\d))$/;
const GO_DURATION = /^\+?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const GO_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const UNIT_US: Readonly<Record<string, number>> = { ns: 1e-3, us: 1, µs: 1, μs: 1, ms: 1e3, s: 1e6, m: 6e7, h: 3.6e9 };
const SECONDS = /^\+?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;
const MAX_TEXT_LENGTH = 100;
const MAX_OFFSET_MINUTES = 24 * 60 - 1;

/**
 * An RFC 3339 time with any offset, in µs since 1970; what is below a microsecond is cut off. A space may stand for the + of an offset, which is
 * what a query makes of one that nobody escaped. Undefined: no such time.
 */
export function parseTime(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hours, minutes, seconds] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const offsetMinutes = Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0);
  if (hours > 23 || minutes > 59 || seconds > 59 || Number(match[10] ?? 0) > 59 || offsetMinutes > MAX_OFFSET_MINUTES) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined; // no such day
  date.setUTCHours(hours, minutes, seconds);
  const utcMs = date.getTime() - (match[8] === "-" ? -1 : 1) * offsetMinutes * 60_000;
  return utcMs * 1000 + Math.floor(Number((match[7] ?? "").padEnd(9, "0")) / 1000);
}

/** As Go writes times in JSON: with the offset of this machine, and as many decimals as are needed. */
export function writeTime(utcUs: number): string {
  const wholeUs = Math.round(utcUs);
  const date = new Date(Math.floor(wholeUs / 1000));
  const offsetMinutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offsetMinutes * 60_000).toISOString();
  const microseconds = pad(wholeUs - Math.floor(wholeUs / 1e6) * 1e6, 6).replace(/0+$/, "");
  const size = Math.abs(offsetMinutes);
  const zone = size === 0 ? "Z" : `${offsetMinutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60), 2)}:${pad(size % 60, 2)}`;
  return `${local.slice(0, 19)}${microseconds === "" ? "" : `.${microseconds}`}${zone}`;
}

/** Local time for the name of a file: `2026-03-01_14-05-09`. */
export function fileTime(utcUs: number): string {
  return writeTime(Math.floor(utcUs / 1e6) * 1e6)
    .slice(0, 19)
    .replace("T", "_")
    .replaceAll(":", "-");
}

/** Seconds with or without decimals, or Go's text (`1m30s`), in µs. Undefined: neither, or not above 0. */
export function parseDuration(text: string): number | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined;
  let us = 0;
  if (SECONDS.test(text)) us = Number(text) * 1e6;
  else if (GO_DURATION.test(text)) for (const [, amount, unit] of text.matchAll(GO_PART)) us += Number(amount) * UNIT_US[unit!]!;
  us = Math.round(us);
  return us > 0 && Number.isFinite(us) ? us : undefined;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}

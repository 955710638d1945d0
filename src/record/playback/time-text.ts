// Times as MediaMTX's clients read them, and durations as they write them: seconds, and Go's texts.

const GO_DURATION = /^\+?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const GO_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const UNIT_US: Readonly<Record<string, number>> = { ns: 1e-3, us: 1, µs: 1, μs: 1, ms: 1e3, s: 1e6, m: 6e7, h: 3.6e9 };
const SECONDS = /^\+?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i;
const MAX_TEXT_LENGTH = 100;

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

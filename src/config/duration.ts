// Durations as MediaMTX's config writes them: Go's syntax (`1h30m`, `200ms`) with whole days (`1d2h`) before it.

const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const dayMs = 86_400_000;
/** Go keeps durations in 64-bit nanoseconds. */
const maxMs = 9_223_372_036_854;

/** Milliseconds of a duration text, or undefined. The empty text is 0, a number without unit is refused unless it is 0. */
export function parseDuration(text: string): number | undefined {
  const match = /^([-+]?)(?:(\d{1,9})d)?(.*)$/s.exec(text);
  if (match === null) {
    return undefined;
  }
  const rest = match[3]!;
  let totalMs = Number(match[2] ?? 0) * dayMs;
  if (rest !== "" && rest !== "0") {
    if (rest.length > 100 || !/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(rest)) {
      return undefined;
    }
    for (const [, amount, unit] of rest.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
      totalMs += Number(amount) * unitMs[unit!]!;
    }
  } else if (rest === "" && match[2] === undefined && match[1] !== "") {
    return undefined;
  }
  if (totalMs > maxMs) {
    return undefined;
  }
  return match[1] === "-" && totalMs !== 0 ? -totalMs : totalMs;
}

/** The canonical text of a duration: `0s`, `200ms`, `10s`, `1h0m0s`, `1d`, `1d2h0m0s`. */
export function writeDuration(ms: number): string {
  const sign = ms < 0 ? "-" : "";
  const days = Math.floor(Math.abs(ms) / dayMs);
  const restMs = Math.abs(ms) - days * dayMs;
  const dayText = days === 0 ? "" : `${days}d`;
  if (restMs === 0) {
    return days === 0 ? "0s" : `${sign}${dayText}`;
  }
  return `${sign}${dayText}${writeClock(restMs)}`;
}

function writeClock(ms: number): string {
  if (ms < 0.001) {
    return `${Math.round(ms * 1e6)}ns`;
  }
  if (ms < 1) {
    return `${decimal(ms * 1000, 3)}µs`;
  }
  if (ms < 1000) {
    return `${decimal(ms, 6)}ms`;
  }
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const secondText = `${decimal((ms % 60_000) / 1000, 9)}s`;
  if (hours > 0) {
    return `${hours}h${minutes}m${secondText}`;
  }
  return minutes > 0 ? `${minutes}m${secondText}` : secondText;
}

/** Without trailing zeros, and never with an exponent. */
function decimal(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.?0+$/, "");
}

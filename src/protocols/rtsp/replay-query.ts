// What of a path's recordings a URL asks for: `?start=2026-08-01T12:00:00+02:00&duration=30`.
import { parseRfc3339 } from "#base/rfc3339.ts";
import { ReplayRefusal } from "./refusal.ts";
import { percentDecoded } from "./url.ts";

export interface ReplayWish {
  readonly fromUtcUs: number;
  /** undefined: to the end of the footage. */
  readonly untilUtcUs: number | undefined;
}

/** A year; longer is a mistake. */
const MAX_DURATION_S = 366 * 24 * 3600;

/** undefined: the query has no `start`, so the URL is that of the live stream. Throws a refusal with what is wrong. */
export function parseReplayQuery(query: string): ReplayWish | undefined {
  const start = parameterOf(query, "start");
  if (start === undefined) return undefined;
  const fromUtcUs = parseRfc3339(start);
  if (fromUtcUs === undefined)
    throw new ReplayRefusal(400, "start has to be a time like 2026-08-01T12:00:00Z or 2026-08-01T14:00:00+02:00");
  const duration = parameterOf(query, "duration");
  if (duration === undefined) return { fromUtcUs, untilUtcUs: undefined };
  const durationS = /^\d{1,9}(?:\.\d{1,9})?$/.test(duration) ? Number(duration) : 0;
  if (durationS <= 0 || durationS > MAX_DURATION_S)
    throw new ReplayRefusal(400, "duration has to be a number of seconds above 0, a year at most");
  return { fromUtcUs, untilUtcUs: fromUtcUs + Math.round(durationS * 1e6) };
}

/** Of the first parameter of that name, decoded; what cannot be decoded is taken as it is. */
function parameterOf(query: string, name: string): string | undefined {
  for (const parameter of query.split("&")) {
    const [key = "", ...value] = parameter.split("=");
    if (key !== name) continue;
    const text = value.join("=");
    return percentDecoded(text) ?? text;
  }
  return undefined;
}

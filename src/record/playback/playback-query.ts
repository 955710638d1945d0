// What a request of the playback API asks for; whatever is wrong with it is said by the name of the parameter.
import { CallerFault } from "#base/errors.ts";
import { parseRfc3339 } from "#base/rfc3339.ts";
import { type Page, parsePage } from "#http/page.ts";
import type { TrackChoice } from "./clip-tracks.ts";
import { parseDuration } from "./time-text.ts";

export interface ListQuery {
  readonly fromUtcUs: number | undefined;
  readonly toUtcUs: number | undefined;
  /** Undefined: all at once, without a frame around them. */
  readonly page: Page | undefined;
}

export interface GetQuery {
  readonly fromUtcUs: number;
  readonly toUtcUs: number;
  readonly format: "fmp4" | "mp4";
  readonly skipGaps: boolean;
  readonly choice: TrackChoice;
  readonly download: boolean;
}

/** Throws a CallerFault that names the parameter. */
export function parseListQuery(query: URLSearchParams): ListQuery {
  const fromUtcUs = optionalTime(query, "start");
  const toUtcUs = optionalTime(query, "end");
  const isPaged = ["page", "itemsPerPage"].some((name) => (query.get(name) ?? "") !== "");
  return { fromUtcUs, toUtcUs, page: isPaged ? parsePage(query) : undefined };
}

/** Throws a CallerFault that names the parameter. */
export function parseGetQuery(query: URLSearchParams): GetQuery {
  const start = query.get("start") ?? "";
  const fromUtcUs = parseRfc3339(start);
  if (fromUtcUs === undefined) throw badTime("start", start);
  const duration = query.get("duration") ?? "";
  const durationUs = parseDuration(duration);
  if (durationUs === undefined) {
    throw new CallerFault(
      "invalid",
      `invalid duration: '${duration}' is not a number of seconds above 0, or a text like 1m30s`,
      "duration",
    );
  }
  return {
    fromUtcUs,
    toUtcUs: Math.min(Number.MAX_SAFE_INTEGER, fromUtcUs + durationUs),
    format: choiceOf(query, "format", ["fmp4", "mp4"]),
    skipGaps: choiceOf(query, "gaps", ["stop", "skip"]) === "skip",
    choice: choiceOf(query, "tracks", ["all", "video"]),
    download: choiceOf(query, "download", ["0", "1"]) === "1",
  };
}

function optionalTime(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? "";
  const utcUs = text === "" ? undefined : parseRfc3339(text);
  if (text !== "" && utcUs === undefined) throw badTime(name, text);
  return utcUs;
}

function badTime(name: string, text: string): CallerFault {
  return new CallerFault("invalid", `invalid ${name}: '${text}' is not a time like 2026-03-01T14:05:09.5+01:00 (RFC 3339)`, name);
}

/** The first of them is the default. */
function choiceOf<const T extends readonly string[]>(query: URLSearchParams, name: string, choices: T): T[number] {
  const text = query.get(name) ?? "";
  if (text === "") return choices[0]!;
  if (choices.includes(text)) return text;
  throw new CallerFault("invalid", `invalid ${name}: '${text}' is none of ${choices.join(", ")}`, name);
}

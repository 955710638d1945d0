// How a log record looks as a line: MediaMTX's human form and its JSON lines.

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LogRecord {
  readonly time: Date;
  readonly level: LogLevel;
  /** One line: see `safeText`. */
  readonly text: string;
}

/** Longer texts are cut: a peer's bytes reach logs. In UTF-16 units. */
const MAX_TEXT_LENGTH = 8192;

const LEVEL_TAGS: Record<LogLevel, string> = { debug: "DEB", info: "INF", warn: "WAR", error: "ERR" };
const SHORT_ESCAPES: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

// Control characters, line and paragraph separators, and what reverses the direction of text.
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
const URL_PASSWORD = /(:\/\/[^\s/:@]*:)[^\s/]*@/g;
const QUERY_PASSWORD = /([?&](?:jwt|pass|password|token)=)[^\s&#"']*/gi;

/** `2026/11/22 16:58:01 INF text`, local time, without a line end. */
export function humanLine({ time, level, text }: LogRecord): string {
  return `${dateOf(time, "/")} ${timeOf(time)} ${LEVEL_TAGS[level]} ${text}`;
}

/** `{"timestamp":"2026-11-22T16:58:01.123+01:00","level":"INF","message":"text"}`, without a line end. */
export function jsonLine({ time, level, text }: LogRecord): string {
  return JSON.stringify({ timestamp: rfc3339(time), level: LEVEL_TAGS[level], message: text });
}

/** A text as it may stand in a log: on one line, without control characters, without the passwords of URLs, of bounded length. */
export function safeText(text: string): string {
  const cut = text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;
  return cut.replace(URL_PASSWORD, "$1***@").replace(QUERY_PASSWORD, "$1***").replace(UNSAFE, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return SHORT_ESCAPES[character] ?? (code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
}

function rfc3339(time: Date): string {
  const offsetMinutes = -time.getTimezoneOffset();
  const size = Math.abs(offsetMinutes);
  const zone = size === 0 ? "Z" : `${offsetMinutes < 0 ? "-" : "+"}${pad(Math.trunc(size / 60))}:${pad(size % 60)}`;
  return `${dateOf(time, "-")}T${timeOf(time)}.${pad(time.getMilliseconds(), 3)}${zone}`;
}

function dateOf(time: Date, separator: string): string {
  return [pad(time.getFullYear(), 4), pad(time.getMonth() + 1), pad(time.getDate())].join(separator);
}

function timeOf(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => pad(part)).join(":");
}

function pad(value: number, digits = 2): string {
  return String(value).padStart(digits, "0");
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

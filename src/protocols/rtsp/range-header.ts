// The Range header of PLAY: RFC 2326 §3.5 SMPTE, §3.6 normal play time, §3.7 absolute time, §12.29.

export type Range =
  /** Seconds of normal play time. `now` is live; undefined leaves that end open. */
  | { readonly kind: "npt"; readonly start: number | "now" | undefined; readonly end: number | undefined }
  /** UTC in milliseconds since 1970. */
  | { readonly kind: "clock"; readonly startUtcMs: number; readonly endUtcMs: number | undefined }
  /** Frame-exact times; `framesPerS` 29.97 is the drop-frame code `smpte-30-drop` and the default. */
  | { readonly kind: "smpte"; readonly framesPerS: 25 | 29.97; readonly start: SmpteTime; readonly end: SmpteTime | undefined };

export interface SmpteTime {
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly frames: number;
  /** Hundredths of a frame. */
  readonly subframes: number;
}

/** `npt=0.000-`, `npt=now-`, `npt=-30`, `clock=20260801T120000.5Z-`, `smpte-25=00:10:00:00-`; a `;time=` behind it is not read. */
export function parseRange(value: string): Range | undefined {
  const match = /^\s*([a-z0-9-]+)\s*=([^;-]*)-([^;]*)/i.exec(value);
  if (match === null) return undefined;
  const unit = match[1]!.toLowerCase();
  const startText = match[2]!.trim();
  const endText = match[3]!.trim();
  if (unit === "npt") return parseNptRange(startText, endText);
  if (unit === "clock") {
    const startUtcMs = parseUtc(startText);
    const endUtcMs = parseUtc(endText);
    if (startUtcMs === undefined || (endText !== "" && endUtcMs === undefined)) return undefined;
    return { kind: "clock", startUtcMs, endUtcMs };
  }
  const framesPerS = unit === "smpte" || unit === "smpte-30-drop" ? 29.97 : unit === "smpte-25" ? 25 : undefined;
  const start = parseSmpteTime(startText);
  const end = parseSmpteTime(endText);
  if (framesPerS === undefined || start === undefined || (endText !== "" && end === undefined)) return undefined;
  return { kind: "smpte", framesPerS, start, end };
}

export function writeRange(range: Range): string {
  switch (range.kind) {
    case "npt":
      return `npt=${typeof range.start === "number" ? range.start.toFixed(3) : (range.start ?? "")}-${range.end?.toFixed(3) ?? ""}`;
    case "clock":
      return `clock=${writeUtc(range.startUtcMs)}-${range.endUtcMs === undefined ? "" : writeUtc(range.endUtcMs)}`;
    case "smpte": {
      const unit = range.framesPerS === 25 ? "smpte-25" : "smpte";
      return `${unit}=${writeSmpteTime(range.start)}-${range.end === undefined ? "" : writeSmpteTime(range.end)}`;
    }
  }
}

function parseNptRange(startText: string, endText: string): Range | undefined {
  const start = startText.toLowerCase() === "now" ? "now" : parseNpt(startText);
  const end = parseNpt(endText);
  if ((startText !== "" && start === undefined) || (endText !== "" && end === undefined)) return undefined;
  return start === undefined && end === undefined ? undefined : { kind: "npt", start, end };
}

/** Seconds with a fraction, or h:m:s (§3.6). */
function parseNpt(text: string): number | undefined {
  const match = /^(?:(\d{1,6}):(\d{1,2}):)?(\d{1,9}(?:\.\d{0,9})?)$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1] ?? 0) * 3600 + Number(match[2] ?? 0) * 60 + Number(match[3]);
}

/** `20260801T120000.123Z` (§3.7), the `Z` also missing. */
function parseUtc(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z?$/i.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hours, minutes, seconds] = match.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const ms = Date.UTC(year, month - 1, day, hours, minutes, seconds) + Math.round(Number(match[7] ?? 0) * 1000);
  return month >= 1 && month <= 12 && day >= 1 && day <= 31 && hours < 24 && minutes < 60 && seconds <= 60 ? ms : undefined;
}

function writeUtc(utcMs: number): string {
  return new Date(utcMs).toISOString().replace(/[-:]/g, "").replace(".000Z", "Z");
}

/** h:m:s with frames and subframes where given: `10:07:33:05.01` (§3.5). */
function parseSmpteTime(text: string): SmpteTime | undefined {
  const match = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,2}))?)?$/.exec(text);
  if (match === null) return undefined;
  const [hours, minutes, seconds, frames, subframes] = match.slice(1, 6).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { hours, minutes, seconds, frames, subframes };
}

function writeSmpteTime(time: SmpteTime): string {
  const parts = [time.hours, time.minutes, time.seconds, time.frames].map((part) => String(part).padStart(2, "0")).join(":");
  return time.subframes === 0 ? parts : `${parts}.${String(time.subframes).padStart(2, "0")}`;
}

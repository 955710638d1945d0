// Names of segment files: MediaMTX's recordPath, a template with %path %Y %m %d %H %M %S %f %z %s, filled in and read back.

/** Minutes that local clocks are ahead of UTC at an instant. */
export type ZoneOffset = (utcMs: number) => number;

export interface SegmentName {
  readonly path: string;
  readonly startUtcUs: number;
  /**
   * Set where a local time without %z happened twice, at the end of summer time: the first instant of that name, while `startUtcUs` is the second.
   * By names alone footage so looks up to an hour younger than it is, and is not deleted an hour early. What is in the file knows better.
   */
  readonly earlierUtcUs: number | undefined;
}

/** In the order in which they are tried: none is the beginning of a later one. */
const VARIABLES = ["path", "Y", "m", "d", "H", "M", "S", "f", "z", "s"] as const;
type Variable = (typeof VARIABLES)[number];
type Piece = { readonly variable: Variable } | { readonly text: string };
type Values = Partial<Record<Variable, string>>;

/** Digits of the others. */
const DIGITS: Partial<Record<Variable, number>> = { Y: 4, m: 2, d: 2, H: 2, M: 2, S: 2, f: 6, s: 10 };
const ZONE_CHARACTERS = [1, 5] as const; // Z, +hhmm
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * A template, read once. Names are those of the template's kind (relative if it is relative), with / between folders, without the extension.
 *
 * Names without %z and %s mean local time: those written before the machine's time zone was changed are read as times of the new one.
 * MediaMTX finds a template anywhere in a name; here it is the whole name, so `….mp4.part` is no segment.
 */
export class FileNameTemplate {
  readonly #pieces: readonly Piece[];
  readonly #zone: ZoneOffset;
  readonly #textCharacters: number;
  readonly #pathCount: number;
  readonly #zoneCount: number;

  constructor(template: string, zone: ZoneOffset) {
    this.#pieces = parseTemplate(template);
    this.#zone = zone;
    this.#pathCount = this.#count("path");
    this.#zoneCount = this.#count("z");
    this.#textCharacters = this.#pieces.reduce(
      (sum, piece) => sum + ("text" in piece ? piece.text.length : (DIGITS[piece.variable] ?? 0)),
      0,
    );
  }

  /** The name of a segment that starts at an instant of the years 1970 to 2255. */
  encode(path: string, startUtcUs: number): string {
    const values: Values = { path, ...valuesAt(startUtcUs, this.#zone(Math.floor(startUtcUs / 1000))) };
    return this.#pieces.map((piece) => ("text" in piece ? piece.text : values[piece.variable])).join("");
  }

  /** undefined for a name that is not of the template. Takes time in proportion to the name's length, whatever the name. */
  decode(name: string): SegmentName | undefined {
    for (const zoneCharacters of this.#zoneCount === 0 ? [0] : ZONE_CHARACTERS) {
      const values = this.#match(name, zoneCharacters);
      const found = values && this.#segmentName(values);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * The folder in which all files lie, at any depth: the leading folders without variables. With `path`, that of one path's files. `.` or `/` where
   * the template names none.
   */
  commonFolder(path?: string): string {
    let known = "";
    for (const piece of this.#pieces) {
      if ("text" in piece) known += piece.text;
      else if (piece.variable === "path" && path !== undefined) known += path;
      else break;
    }
    const end = known.lastIndexOf("/");
    if (end < 0) return ".";
    return end === 0 ? "/" : known.slice(0, end);
  }

  #count(variable: Variable): number {
    return this.#pieces.filter((piece) => "variable" in piece && piece.variable === variable).length;
  }

  /** Everything but the path has a known length, so the length of the name tells that of the path. */
  #match(name: string, zoneCharacters: number): Values | undefined {
    const left = name.length - this.#textCharacters - this.#zoneCount * zoneCharacters;
    const pathCharacters = this.#pathCount === 0 ? 0 : left / this.#pathCount;
    if (!Number.isInteger(pathCharacters) || pathCharacters <= 0) return undefined;
    const values: Values = {};
    let at = 0;
    for (const piece of this.#pieces) {
      if ("text" in piece) {
        if (!name.startsWith(piece.text, at)) return undefined;
        at += piece.text.length;
        continue;
      }
      const { variable } = piece;
      const characters = variable === "path" ? pathCharacters : variable === "z" ? zoneCharacters : DIGITS[variable]!;
      const value = name.slice(at, at + characters);
      if (value !== (values[variable] ?? value)) return undefined;
      values[variable] = value;
      at += characters;
    }
    return values;
  }

  #segmentName({ path = "", z, s, f, ...calendar }: Values): SegmentName | undefined {
    const fractionUs = numberOf(f, 0, 0, 999_999);
    const offset = z === undefined ? undefined : parseZone(z);
    if (fractionUs === undefined || (z !== undefined && offset === undefined)) return undefined;
    const localMs = calendarMs(calendar);
    const seconds = numberOf(s, 0, 0, 9_999_999_999);
    if (localMs === undefined || seconds === undefined) return undefined;
    const instants =
      s !== undefined ? [seconds * 1000] : offset !== undefined ? [localMs - offset * MINUTE_MS] : instantsOf(localMs, this.#zone);
    const [startUtcUs, earlierUtcUs] = instants.map((utcMs) => utcMs * 1000 + fractionUs);
    if (startUtcUs === undefined || startUtcUs < 0 || !Number.isSafeInteger(startUtcUs)) return undefined;
    return { path, startUtcUs, earlierUtcUs };
  }
}

/** What is no variable stands for itself, % too. */
function parseTemplate(template: string): Piece[] {
  const pieces: Piece[] = [];
  let text = "";
  for (let at = 0; at < template.length; ) {
    const variable = template[at] === "%" ? VARIABLES.find((name) => template.startsWith(name, at + 1)) : undefined;
    if (variable === undefined) {
      text += template[at];
      at++;
      continue;
    }
    if (text !== "") pieces.push({ text });
    text = "";
    pieces.push({ variable });
    at += 1 + variable.length;
  }
  return text === "" ? pieces : [...pieces, { text }];
}

/** Of all variables but the path. */
function valuesAt(utcUs: number, offsetMinutes: number): Values {
  const seconds = Math.floor(utcUs / 1_000_000);
  const local = new Date(seconds * 1000 + offsetMinutes * MINUTE_MS);
  return {
    Y: digits(local.getUTCFullYear(), 4),
    m: digits(local.getUTCMonth() + 1, 2),
    d: digits(local.getUTCDate(), 2),
    H: digits(local.getUTCHours(), 2),
    M: digits(local.getUTCMinutes(), 2),
    S: digits(local.getUTCSeconds(), 2),
    f: digits(utcUs - seconds * 1_000_000, 6),
    z: writeZone(offsetMinutes),
    s: digits(seconds, 10),
  };
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, "0");
}

function writeZone(offsetMinutes: number): string {
  if (offsetMinutes === 0) return "Z";
  const minutes = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? "-" : "+"}${digits(Math.floor(minutes / 60), 2)}${digits(minutes % 60, 2)}`;
}

/** Minutes ahead of UTC. */
function parseZone(text: string): number | undefined {
  if (text === "Z") return 0;
  const hours = numberOf(text.slice(1, 3), undefined, 0, 23);
  const minutes = numberOf(text.slice(3), undefined, 0, 59);
  if (hours === undefined || minutes === undefined || (text[0] !== "+" && text[0] !== "-")) return undefined;
  return (text[0] === "-" ? -1 : 1) * (hours * 60 + minutes);
}

/** `missing` stands for no text; undefined for one that is not all digits, or out of range. */
function numberOf(text: string | undefined, missing: number | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return missing;
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

/** The calendar as if it were UTC; what is missing is that of 1970-01-01. undefined for a day or an hour that does not exist. */
function calendarMs({ Y, m, d, H, M, S }: Values): number | undefined {
  const year = numberOf(Y, 1970, 1969, 2256); // a day of slack for the zone
  const month = numberOf(m, 1, 1, 12);
  const hour = numberOf(H, 0, 0, 23);
  const minute = numberOf(M, 0, 0, 59);
  const second = numberOf(S, 0, 0, 59);
  if (year === undefined || month === undefined || hour === undefined || minute === undefined || second === undefined) return undefined;
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const day = numberOf(d, 1, 1, lastDay);
  return day === undefined ? undefined : Date.UTC(year, month - 1, day, hour, minute, second);
}

/**
 * The instants at which local clocks show a time, later one first: two at the end of summer time. A time that is skipped at its start is read by the
 * clock before.
 */
function instantsOf(localMs: number, zone: ZoneOffset): number[] {
  const before = localMs - zone(localMs - DAY_MS) * MINUTE_MS;
  const after = localMs - zone(localMs + DAY_MS) * MINUTE_MS;
  const shown = [after, before].filter((utcMs) => utcMs + zone(utcMs) * MINUTE_MS === localMs);
  if (shown.length === 0) return [before];
  return shown[0] === shown[1] ? [after] : shown.sort((a, b) => b - a);
}

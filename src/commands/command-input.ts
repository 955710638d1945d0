// The input of commands, as JSON has it: each reader says what is wrong with a field, and how it has to be.
import { CallerFault } from "#base/errors.ts";
import { parseRfc3339 } from "#base/rfc3339.ts";
import { pathNameFault } from "#config/path-name.ts";

/** What is not among `names` is refused: a name with a slip in it must not change what a command does. */
export function readFields<Name extends string>(input: unknown, names: readonly Name[]): Readonly<Partial<Record<Name, unknown>>> {
  if (input === undefined || input === null) return {} as Readonly<Partial<Record<Name, unknown>>>;
  if (typeof input !== "object" || Array.isArray(input)) throw new CallerFault("invalid", "has to be an object of fields");
  const unknown = Object.keys(input).find((key) => !(names as readonly string[]).includes(key));
  if (unknown !== undefined)
    throw fault(unknown.slice(0, 64), names.length === 0 ? "there are no fields here" : `is no field here: there are ${names.join(", ")}`);
  return input as Readonly<Partial<Record<Name, unknown>>>;
}

export function cameraField(value: unknown): string {
  if (typeof value !== "string" || value === "") throw fault("cam", "has to be the name of a path");
  const wrong = pathNameFault(value);
  if (wrong !== undefined) throw fault("cam", `is no name of a path: ${wrong}`);
  return value;
}

export function optionalCamera(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : cameraField(value);
}

/** UTC, µs: from ms since 1970, or from a time in words (RFC 3339). */
export function timeField(name: string, value: unknown): number {
  const utcUs = typeof value === "string" ? parseRfc3339(value) : typeof value === "number" ? value * 1000 : undefined;
  if (utcUs === undefined || !Number.isSafeInteger(utcUs) || utcUs < 0)
    throw fault(name, "has to be a time like 2026-03-01T14:05:09Z (RFC 3339), or the milliseconds since 1970");
  return utcUs;
}

export function optionalTime(name: string, value: unknown): number | undefined {
  return value === undefined || value === null ? undefined : timeField(name, value);
}

/** From and to, in this order. */
export function rangeFields(from: unknown, to: unknown): { readonly fromUtcUs: number; readonly toUtcUs: number } {
  const range = { fromUtcUs: timeField("from", from), toUtcUs: timeField("to", to) };
  if (range.fromUtcUs >= range.toUtcUs) throw fault("to", "has to be later than from");
  return range;
}

export function textField(name: string, value: unknown, maxLength: number): string {
  if (typeof value !== "string") throw fault(name, "has to be text");
  if (value.length > maxLength) throw fault(name, `is longer than ${maxLength} characters`);
  return value;
}

export function optionalCount(name: string, value: unknown, max: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > max)
    throw fault(name, `has to be a number from 1 to ${max}`);
  return value as number;
}

export function booleanField(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw fault(name, "has to be true or false");
  return value;
}

export function fault(name: string, text: string): CallerFault {
  return new CallerFault("invalid", `${name}: ${text}`, name);
}

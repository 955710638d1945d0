// Raw nodes into values of a type. What a scalar means is decided here, by the type of the setting alone.

import { isIP } from "node:net";
import { parseDuration } from "./duration.ts";
import { nearestName } from "./nearest-name.ts";
import type { Problems } from "./problem.ts";
import type { RawNode, RawScalar } from "./raw-node.ts";
import type { EnumType, ListType, ObjectType, ScalarType, ValueType } from "./setting.ts";
import { parseShare, parseSize } from "./size.ts";

/** The value of a node, or undefined once a problem was reported. A null node must have been dealt with before. */
export function decodeValue(node: RawNode, type: ValueType, field: string, problems: Problems): unknown {
  switch (type.kind) {
    case "list":
      return decodeList(node, type, field, problems);
    case "object":
      return decodeObject(node, type, field, problems);
    default: {
      if (node.kind === "scalar") {
        return decodeScalar(node, type, field, problems);
      }
      const missing =
        field.startsWith("authInternalUsers") && node.kind === "map" ? "; is `permissions:` missing before the list of actions?" : "";
      problems.error(node.place, field, `is a ${node.kind}, where ${wanted(type)} is needed${missing}`);
      return undefined;
    }
  }
}

/** The value of a scalar text, or what is wrong with it as `{ fault }`. */
export function parseScalar(text: string, type: ScalarType): { readonly value: unknown } | { readonly fault: string } {
  switch (type.kind) {
    case "bool":
      return parsed(parseBool(text), text, type);
    case "int":
      return inRange(parseInteger(text), text, type);
    case "float":
      return inRange(parseFloatNumber(text), text, type);
    case "duration": {
      const ms = parseDuration(text);
      if (ms === undefined && /^\d+$/.test(text)) {
        return { fault: `${quote(text)} lacks a unit: write "${text}s" for seconds` };
      }
      return ms !== undefined && ms < 0 ? { fault: "must not be negative" } : parsed(ms, text, type);
    }
    case "size":
      return parsed(parseSize(text), text, type);
    case "share":
      return parsed(parseShare(text), text, type);
    case "network":
      return parsed(parseNetwork(text), text, type);
    case "enum":
      return parseEnum(text, type);
    case "text": {
      const fault = type.check?.(text);
      return fault === undefined ? { value: text } : { fault };
    }
  }
}

function decodeScalar(node: RawScalar, type: ScalarType, field: string, problems: Problems): unknown {
  const result = parseScalar(node.text, type);
  if ("fault" in result) {
    problems.error(node.place, field, result.fault, () => (type.kind === "enum" ? nearestName(node.text, type.values) : undefined));
    return undefined;
  }
  return result.value;
}

function decodeList(node: RawNode, type: ListType, field: string, problems: Problems): unknown {
  if (node.kind !== "list") {
    const hint = node.kind === "scalar" ? `: write [${node.text}]` : "";
    problems.error(node.place, field, `is not a list${hint}`);
    return undefined;
  }
  const values: unknown[] = [];
  for (const [index, item] of node.items.entries()) {
    const itemField = `${field}[${index}]`;
    if (item.kind === "null" && type.of.kind !== "text") {
      problems.error(item.place, itemField, "is empty");
      return undefined;
    }
    const value = item.kind === "null" ? "" : decodeValue(item, type.of, itemField, problems);
    if (value === undefined) {
      return undefined;
    }
    values.push(value);
  }
  const fault = lengthFault(values, type);
  if (fault !== undefined) {
    problems.error(node.place, field, fault);
    return undefined;
  }
  return values;
}

/** What is wrong with the number of items of a list. */
export function lengthFault(values: readonly unknown[], type: ListType): string | undefined {
  return type.length === undefined || values.length === type.length ? undefined : `needs ${type.length} values, has ${values.length}`;
}

function decodeObject(node: RawNode, type: ObjectType, field: string, problems: Problems): unknown {
  if (node.kind !== "map") {
    problems.error(node.place, field, `is not a map with ${Object.keys(type.fields).join(", ")}`);
    return undefined;
  }
  const value: Record<string, unknown> = Object.fromEntries(Object.entries(type.fields).map(([name, setting]) => [name, setting.default]));
  const given = new Set<string>();
  const before = problems.count;
  for (const entry of node.entries) {
    const setting = Object.hasOwn(type.fields, entry.key) ? type.fields[entry.key] : undefined;
    const entryField = `${field}.${entry.key}`;
    if (setting === undefined) {
      reportUnknownField(entry.key, type, entryField, entry.place, problems);
      continue;
    }
    if (entry.value.kind === "null") {
      if (setting.type.kind === "list") {
        problems.error(entry.place, entryField, "is empty: write [] for an empty list");
      }
      continue;
    }
    const decoded = decodeValue(entry.value, setting.type, entryField, problems);
    if (decoded !== undefined) {
      value[entry.key] = decoded;
      given.add(entry.key);
    }
  }
  if (problems.count > before) {
    return undefined;
  }
  const fault = objectFault(value, given, type);
  if (fault !== undefined) {
    problems.error(node.place, field, fault);
    return undefined;
  }
  return value;
}

/** What is wrong with an object as a whole: a missing field, or what its own check finds. */
export function objectFault(value: unknown, given: ReadonlySet<string>, type: ObjectType): string | undefined {
  const missing = Object.entries(type.fields).find(([name, setting]) => setting.required === true && !given.has(name));
  return missing === undefined ? type.check?.(value) : `lacks ${missing[0]}`;
}

function reportUnknownField(key: string, type: ObjectType, field: string, place: RawNode["place"], problems: Problems): void {
  if (type.name === "user" && (key === "action" || key === "path")) {
    problems.error(place, field, "belongs to a permission: `permissions:` is missing before the list of actions");
    return;
  }
  problems.error(place, field, "unknown field", () => nearestName(key, Object.keys(type.fields)));
}

function parsed(value: unknown, text: string, type: ValueType): { readonly value: unknown } | { readonly fault: string } {
  return value === undefined ? { fault: `${quote(text)} is not ${wanted(type)}` } : { value };
}

function inRange(
  value: number | undefined,
  text: string,
  type: { readonly kind: "int" | "float"; readonly min: number; readonly max: number },
): { readonly value: unknown } | { readonly fault: string } {
  if (value === undefined) {
    return { fault: `${quote(text)} is not ${wanted(type)}` };
  }
  return value >= type.min && value <= type.max ? { value } : { fault: `must be from ${type.min} to ${type.max}` };
}

function parseBool(text: string): boolean | undefined {
  switch (text.toLowerCase()) {
    case "true":
    case "yes":
    case "on":
      return true;
    case "false":
    case "no":
    case "off":
      return false;
    default:
      return undefined;
  }
}

function parseInteger(text: string): number | undefined {
  return /^[-+]?\d{1,15}$|^0x[\da-fA-F]{1,12}$|^0o[0-7]{1,15}$/.test(text) ? Number(text) : undefined;
}

function parseFloatNumber(text: string): number | undefined {
  return /^[-+]?(\d{1,15}\.?\d{0,15}|\.\d{1,15})(e[-+]?\d{1,2})?$/i.test(text) ? Number(text) : undefined;
}

/** CIDR text of an address or network; a single address is a network of itself. */
function parseNetwork(text: string): string | undefined {
  const [address, bits, ...more] = text.split("/");
  const version = isIP(address!);
  if (version === 0 || more.length > 0 || address!.includes("%")) {
    return undefined;
  }
  const most = version === 4 ? 32 : 128;
  if (bits === undefined) {
    return `${address}/${most}`;
  }
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most ? text : undefined;
}

function parseEnum(text: string, type: EnumType): { readonly value: unknown } | { readonly fault: string } {
  const spelled = type.spellings?.[text.toLowerCase()];
  const value = type.values.includes(text) ? text : spelled;
  return value === undefined ? { fault: `${quote(text)} is not ${wanted(type)}` } : { value };
}

function wanted(type: ValueType): string {
  switch (type.kind) {
    case "bool":
      return "yes or no";
    case "int":
      return "a whole number";
    case "float":
      return "a number";
    case "text":
      return "a text";
    case "network":
      return "an IP address or network such as 192.0.2.0/24";
    case "duration":
      return "a duration such as 10s, 1h30m or 1d";
    case "size":
      return "a size such as 50M";
    case "share":
      return "a size such as 50G or a percentage such as 5%";
    case "enum":
      return `one of ${type.values.filter((value) => value !== "").join(", ")}`;
    case "list":
      return "a list";
    case "object":
      return `a ${type.name}`;
  }
}

/** A text as a message shows it: quoted and cut, so that no message is longer than the mistake. */
function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

// Settings as the API takes them: a JSON object with some of them, each value of the type that MediaMTX's API has it in.

import { settingsLayer } from "./file-layer.ts";
import { type Layer, OldNameLog, type Origin } from "./layer.ts";
import { globalAliases, oldGlobalNames, oldPathNames } from "./old-names.table.ts";
import { Problems } from "./problem.ts";
import type { RawEntry, RawNode } from "./raw-node.ts";
import { redacted } from "./redact.ts";
import { globalGroups, globalSchema, pathSchema } from "./schema.ts";
import type { ObjectType, ValueType } from "./setting.ts";

/** What is decoded: global settings (old names may set some of `pathDefaults` as well), `pathDefaults`, or one path. */
export type JsonScope = "global" | "pathDefaults" | "path";

/** No setting has any use for more. */
const MAX_TEXT_LENGTH = 65_536;
const NOWHERE = { file: undefined, line: undefined };
const OVERLAY: { name: "overlay"; originOf(): Origin } = { name: "overlay", originOf: () => ({ kind: "overlay" }) };
/** Stands for the path while a path is decoded. */
const PATH = "path";

export type JsonSettings = Pick<Layer, "global" | "pathDefaults"> & { readonly path: Layer["pathDefaults"] };

/** The settings of a JSON value, or what is wrong with it: as MediaMTX says it where clients may look for its words, naming the field in any case. */
export function decodeJsonSettings(body: unknown, scope: JsonScope): JsonSettings | { readonly fault: string } {
  const fault = body === null ? undefined : scopeFault(body, scope);
  if (fault !== undefined) return { fault };
  const entries = body === null ? [] : entriesOf(body as object).filter(({ key }) => scope === "global" || key !== "name");
  const problems = new Problems();
  const layer = settingsLayer(mapOf(nest(entries, scope)), OVERLAY, problems, new OldNameLog());
  const [problem] = problems.all;
  if (problem !== undefined) {
    const field = problem.field.replace(/^(paths\.path|pathDefaults)\./, "");
    return { fault: `${field}: ${problem.message}${problem.suggestion === undefined ? "" : `; did you mean '${problem.suggestion}'?`}` };
  }
  return { global: layer.global, pathDefaults: layer.pathDefaults, path: layer.paths.get(PATH) ?? new Map() };
}

/** As a config file nests them. */
function nest(entries: readonly RawEntry[], scope: JsonScope): readonly RawEntry[] {
  switch (scope) {
    case "global":
      return entries;
    case "pathDefaults":
      return [entryOf("pathDefaults", mapOf(entries))];
    case "path":
      return [entryOf("paths", mapOf([entryOf(PATH, mapOf(entries))]))];
  }
}

function scopeFault(body: unknown, scope: JsonScope): string | undefined {
  if (typeof body !== "object" || Array.isArray(body)) return `a JSON object with settings is needed, not ${kindOf(body)}`;
  if (scope !== "global") return fieldsFault(body!, "", (key) => (oldPathNames.get(key) ?? pathSchema.get(key))?.type);
  const groupless = (key: string): ValueType | undefined =>
    key.includes(".") ? undefined : (oldGlobalNames.get(key) ?? globalAliases.get(key) ?? globalSchema.get(key))?.type;
  const [groups, others] = [new Map<string, unknown>(), new Map<string, unknown>()];
  for (const [key, value] of Object.entries(body!)) (globalGroups.has(key) ? groups : others).set(key, value);
  const fault = fieldsFault(Object.fromEntries(others), "", groupless);
  if (fault !== undefined) return fault;
  for (const [group, value] of groups) {
    if (value === null) continue;
    if (typeof value !== "object" || Array.isArray(value)) return `${group}: an object is needed, not ${kindOf(value)}`;
    const inner = fieldsFault(
      value,
      `${group}.`,
      (key) => (globalAliases.get(`${group}.${key}`) ?? globalSchema.get(`${group}.${key}`))?.type,
    );
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** Unknown names are looked for first, as MediaMTX does. A value of null is as good as none. */
function fieldsFault(object: object, prefix: string, typeOf: (key: string) => ValueType | undefined): string | undefined {
  const entries = Object.entries(object);
  const unknown = entries.find(([key]) => typeOf(key) === undefined);
  if (unknown !== undefined) return `json: unknown field ${JSON.stringify(prefix + unknown[0])}`;
  for (const [key, value] of entries) {
    const fault = value === null ? undefined : valueFault(value, typeOf(key)!, prefix + key);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function valueFault(value: unknown, type: ValueType, field: string): string | undefined {
  if (typeof value === "string") {
    if (value.includes(redacted))
      return `${field}: '${redacted}' stands for a secret that is not shown: leave the field out to keep the secret, or write it`;
    if (value.length > MAX_TEXT_LENGTH) return `${field}: the text is longer than ${MAX_TEXT_LENGTH} characters`;
    if (!isWellFormed(value)) return `${field}: the text is not valid Unicode`;
  }
  switch (type.kind) {
    case "list":
      if (!Array.isArray(value))
        return value === null ? `cannot set slice ${JSON.stringify(field)} to nil` : `${field}: an array is needed, not ${kindOf(value)}`;
      return firstOf(value, (item, i) => (item === null ? `${field}[${i}]: is null` : valueFault(item, type.of, `${field}[${i}]`)));
    case "object":
      return typeof value !== "object" || value === null || Array.isArray(value)
        ? `${field}: an object is needed, not ${kindOf(value)}`
        : objectFault(value, type, field);
    case "bool":
      return typeof value === "boolean" || typeof value === "string"
        ? undefined
        : `${field}: true or false is needed, not ${kindOf(value)}`;
    case "int":
    case "float":
      return typeof value === "number" ? undefined : `${field}: a number is needed, not ${kindOf(value)}`;
    case "enum":
      if (typeof value === "boolean" && type.spellings?.[String(value)] !== undefined) return undefined;
      return typeof value === "string" ? undefined : `${field}: a string is needed, not ${kindOf(value)}`;
    default:
      return typeof value === "string" ? undefined : `${field}: a string is needed, not ${kindOf(value)}`;
  }
}

function objectFault(value: object, type: ObjectType, field: string): string | undefined {
  const typeOf = (key: string): ValueType | undefined => (Object.hasOwn(type.fields, key) ? type.fields[key]!.type : undefined);
  const nothing = Object.entries(value).find(([key, inner]) => inner === null && typeOf(key)?.kind === "list");
  return fieldsFault(value, `${field}.`, typeOf) ?? (nothing && valueFault(null, typeOf(nothing[0])!, `${field}.${nothing[0]}`));
}

function firstOf<T>(items: readonly T[], faultOf: (item: T, index: number) => string | undefined): string | undefined {
  for (const [i, item] of items.entries()) {
    const fault = faultOf(item, i);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** No half of a surrogate pair without the other. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** A JSON value as a config file's node, without a place. */
export function jsonNode(value: unknown): RawNode {
  if (value === null) return { kind: "null", place: NOWHERE };
  if (Array.isArray(value)) return { kind: "list", items: value.map(jsonNode), place: NOWHERE };
  return typeof value === "object" ? mapOf(entriesOf(value)) : { kind: "scalar", text: String(value), place: NOWHERE };
}

/** Fields that are null are left out. */
function entriesOf(object: object): readonly RawEntry[] {
  return Object.entries(object).flatMap(([key, value]) => (value === null ? [] : [entryOf(key, jsonNode(value))]));
}

function entryOf(key: string, value: RawNode): RawEntry {
  return { key, place: NOWHERE, value };
}

function mapOf(entries: readonly RawEntry[]): RawNode {
  return { kind: "map", entries, place: NOWHERE };
}

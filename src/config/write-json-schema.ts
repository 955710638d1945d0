// Writes `config/camgate.schema.json`: JSON Schema (draft 7) that editors check and complete configs with.

import { globalAliases, type OldName, oldGlobalNames, oldPathNames } from "./old-names.table.ts";
import { globalSchema, pathSchema, type SchemaEntry } from "./schema.ts";
import type { ValueType } from "./setting.ts";
import { plainValue } from "./value-text.ts";

type Json = Readonly<Record<string, unknown>>;

const yesNo = ["yes", "no", "on", "off", "true", "false"];
const shared: Json = {
  bool: { anyOf: [{ type: "boolean" }, { enum: yesNo }] },
  text: { type: ["string", "number", "boolean"] },
  duration: { type: "string", pattern: "^(\\d+d)?(((\\d+\\.?\\d*|\\.\\d+)(ns|us|µs|ms|s|m|h))+|0)?$" },
  size: { type: ["string", "integer"], pattern: "^\\d+(\\.\\d+)?\\s*([KMGTPkmgtp]?[iI]?[bB]?)$" },
  share: { type: ["string", "integer"], pattern: "^\\d+(\\.\\d+)?\\s*(%|[KMGTPkmgtp]?[iI]?[bB]?)$" },
};

/** The schema as text. */
export function writeJsonSchema(): string {
  const groups = new Map<string, SchemaEntry[]>();
  const plain: [string, Json][] = [];
  for (const entry of globalSchema.values()) {
    const { group } = entry.section;
    if (group === undefined) {
      plain.push([entry.name, settingSchema(entry)]);
    } else {
      groups.set(group, [...(groups.get(group) ?? []), entry]);
    }
  }
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "camgate",
    type: ["object", "null"],
    additionalProperties: false,
    properties: {
      ...Object.fromEntries(plain),
      ...Object.fromEntries([...groups].map(([group, entries]) => [group, groupSchema(group, entries)])),
      ...oldNames([...oldGlobalNames, ...globalAliases], ""),
      pathDefaults: { $ref: "#/definitions/path" },
      paths: {
        description: "Paths by name; ~ begins a regular expression, all_others holds for every other name.",
        type: ["object", "null"],
        additionalProperties: { anyOf: [{ $ref: "#/definitions/path" }, { type: "null" }] },
      },
    },
    definitions: {
      ...shared,
      path: {
        type: ["object", "null"],
        additionalProperties: false,
        properties: {
          ...oldNames([...oldPathNames], ""),
          ...Object.fromEntries([...pathSchema.values()].map((entry) => [entry.name, settingSchema(entry)])),
        },
      },
    },
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function groupSchema(group: string, entries: readonly SchemaEntry[]): Json {
  const properties = Object.fromEntries(entries.map((entry) => [entry.name.slice(group.length + 1), settingSchema(entry)]));
  return {
    type: ["object", "null"],
    additionalProperties: false,
    properties: { ...properties, ...oldNames([...globalAliases], `${group}.`) },
  };
}

function oldNames(names: readonly (readonly [string, OldName])[], prefix: string): Json {
  const own = names.filter(([name]) => name.startsWith(prefix) && !name.slice(prefix.length).includes("."));
  return Object.fromEntries(
    own.map(([name, old]) => [
      name.slice(prefix.length),
      { ...orEmpty(typeSchema(old.type)), description: old.instead, ...(old.weak === true ? {} : { deprecated: true }) },
    ]),
  );
}

function settingSchema(entry: SchemaEntry): Json {
  return { description: entry.doc, default: plainValue(entry.default, entry.type), ...orEmpty(typeSchema(entry.type)) };
}

/** A key without a value is allowed where it is not a list. */
function orEmpty(schema: Json): Json {
  return schema["type"] === "array" ? schema : { anyOf: [schema, { type: "null" }] };
}

function typeSchema(type: ValueType): Json {
  switch (type.kind) {
    case "bool":
    case "duration":
    case "size":
    case "share":
    case "text":
      return { $ref: `#/definitions/${type.kind}` };
    case "network":
      return { type: "string" };
    case "int":
      return { type: "integer", minimum: type.min, maximum: type.max };
    case "float":
      return { type: "number", minimum: type.min, maximum: type.max };
    case "enum":
      return {
        enum: [...new Set([...type.values, ...Object.keys(type.spellings ?? {}), ...(type.spellings === undefined ? [] : [true, false])])],
      };
    case "list": {
      const items = typeSchema(type.of);
      return type.length === undefined ? { type: "array", items } : { type: "array", items, minItems: type.length, maxItems: type.length };
    }
    case "object": {
      const fields = Object.entries(type.fields);
      return {
        type: "object",
        additionalProperties: false,
        required: fields.filter(([, field]) => field.required === true).map(([name]) => name),
        properties: Object.fromEntries(
          fields.map(([name, field]) => [name, { description: field.doc, ...orEmpty(typeSchema(field.type)) }]),
        ),
      };
    }
  }
}

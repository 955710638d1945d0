// Writes the schemas of GlobalConf and PathConf into `docs/openapi.yaml`, between the lines that mark their place.

import { globalSchema, pathSchema, type SchemaEntry } from "./schema.ts";
import type { ObjectType, Setting, ValueType } from "./setting.ts";

const BEGIN = "    # Generated from src/config (npm run docs).";
const END = "    # As far as it is generated.";

/** The document with its generated part renewed. Throws where the marks are not there. */
export function withConfigSchemas(document: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("the marks of the generated part are not in the document");
  return `${document.slice(0, begin)}${BEGIN}\n${configSchemas().join("\n")}\n${document.slice(end)}`;
}

function configSchemas(): readonly string[] {
  const groups = new Map<string, SchemaEntry[]>();
  const plain: [string, Setting][] = [];
  for (const entry of globalSchema.values()) {
    const { group } = entry.section;
    if (group === undefined) plain.push([entry.name, entry]);
    else groups.set(group, [...(groups.get(group) ?? []), entry]);
  }
  const objects = new Map<string, ObjectType>();
  for (const { type } of [...globalSchema.values(), ...pathSchema.values()]) collectObjects(type, objects);
  const inGroup = (group: string, { name, ...entry }: SchemaEntry): [string, Setting] => [name.slice(group.length + 1), entry];
  return [
    ...objectLines("GlobalConf", plain, [...groups.keys()]),
    ...objectLines(
      "PathConf",
      [...pathSchema.values()].map((entry): [string, Setting] => [entry.name, entry]),
    ),
    ...[...groups].flatMap(([group, entries]) =>
      objectLines(
        schemaName(group),
        entries.map((entry) => inGroup(group, entry)),
      ),
    ),
    ...[...objects.values()].flatMap(({ name, fields }) => objectLines(schemaName(name), Object.entries(fields))),
  ];
}

function collectObjects(type: ValueType, objects: Map<string, ObjectType>): void {
  if (type.kind === "list") collectObjects(type.of, objects);
  if (type.kind !== "object") return;
  objects.set(type.name, type);
  for (const field of Object.values(type.fields)) collectObjects(field.type, objects);
}

function objectLines(name: string, settings: readonly (readonly [string, Setting])[], groups: readonly string[] = []): string[] {
  const lines = settings.flatMap(([key, { type, doc }]) => propertyLines(key, type, doc));
  const groupLines = groups.flatMap((group) => [`        ${group}:`, `          $ref: "#/components/schemas/${schemaName(group)}"`]);
  return [`    ${name}:`, "      type: object", "      additionalProperties: false", "      properties:", ...lines, ...groupLines, ""];
}

function propertyLines(key: string, type: ValueType, doc: string): string[] {
  const description = `description: ${JSON.stringify(doc)}`;
  if (type.kind !== "list") return [`        ${key}: { ${[...scalarParts(type), description].join(", ")} }`];
  const { of } = type;
  const items = of.kind === "object" ? `$ref: "#/components/schemas/${schemaName(of.name)}"` : scalarParts(of).join(", ");
  return [`        ${key}: { type: array, items: { ${items} }, ${description} }`];
}

function scalarParts(type: ValueType): readonly string[] {
  switch (type.kind) {
    case "bool":
      return ["type: boolean"];
    case "int":
      return ["type: integer", ...(type.min >= 0 ? [`minimum: ${type.min}`] : [])];
    case "float":
      return ["type: number"];
    case "enum":
      return ["type: string", `enum: [${type.values.map((value) => JSON.stringify(value)).join(", ")}]`];
    default:
      return ["type: string"];
  }
}

/** `ring` becomes `RingConf`, `user` `UserConf`. */
function schemaName(name: string): string {
  return `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Conf`;
}

// Values as people and the API see them: durations and sizes as text again, and settings as YAML.

import { writeDuration } from "./duration.ts";
import type { Share, ValueType } from "./setting.ts";
import { writeShare, writeSize } from "./size.ts";

/** A value with durations, sizes and shares as canonical text; the rest as it is. What MediaMTX's API answers. */
export function plainValue(value: unknown, type: ValueType): unknown {
  switch (type.kind) {
    case "duration":
      return writeDuration(value as number);
    case "size":
      return writeSize(value as number);
    case "share":
      return writeShare(value as Share);
    case "list":
      return (value as readonly unknown[]).map((item) => plainValue(item, type.of));
    case "object":
      return Object.fromEntries(
        Object.entries(type.fields).map(([name, field]) => [name, plainValue((value as Record<string, unknown>)[name], field.type)]),
      );
    default:
      return value;
  }
}

/** The YAML lines of `key: value`; lists of objects stand in block style, everything else on the line of the key. */
export function yamlLines(key: string, value: unknown, indent = ""): string[] {
  if (!Array.isArray(value) || value.length === 0 || typeof value[0] !== "object") {
    return [`${indent}${yamlText(key)}: ${yamlText(value)}`.trimEnd()];
  }
  const lines = [`${indent}${yamlText(key)}:`];
  for (const item of value as readonly Record<string, unknown>[]) {
    const fields = Object.entries(item).flatMap(([name, field]) => yamlLines(name, field, `${indent}    `));
    lines.push(`${indent}  - ${fields[0]!.trimStart()}`, ...fields.slice(1));
  }
  return lines;
}

/** A value on one line, as YAML of either version reads it: texts that could be taken for something else are quoted. */
export function yamlText(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(yamlText).join(", ")}]`;
  }
  if (typeof value !== "string") {
    return String(value);
  }
  const isPlain = /^([A-Za-z./\d][\w./%+:-]*|:\d+)$/.test(value) && !value.endsWith(":");
  const looksTyped = /^(y|n|yes|no|on|off|true|false|null|[\d.][\d.:_]*(e[-+]?\d+)?|0x[\da-f]+|0o[0-7]+)$/i.test(value);
  return isPlain && !looksTyped ? value : JSON.stringify(value);
}

// Writes `config/camgate.yml`: every setting with its default and what it does.

import { globalSections, pathSections } from "./schema.ts";
import type { Section, Setting, ValueType } from "./setting.ts";
import { plainValue, yamlLines } from "./value-text.ts";

const rule = "#".repeat(60);

/** The reference config, with the defaults of the drop-in profile; it loads without error or warning. */
export function writeReferenceYaml(): string {
  const lines = [
    "# yaml-language-server: $schema=camgate.schema.json",
    "# Every setting of camgate with its default. Generated: change src/config/*.table.ts and run `npm run docs`.",
    "# A config needs only the settings that differ. Names and meaning are those of MediaMTX, whose files load unchanged;",
    "# what camgate adds stands in the sections that begin with its name. docs/config.md tells more.",
    "",
  ];
  for (const section of globalSections) {
    lines.push(...heading(section.title, ""));
    if (section.group !== undefined) {
      lines.push(`${section.group}:`);
    }
    lines.push(...settingLines(section, section.group === undefined ? "" : "  "));
  }
  lines.push(...heading("Defaults of every path", ""), "pathDefaults:");
  for (const section of pathSections) {
    lines.push(...heading(section.title, "  "), ...settingLines(section, "  "));
  }
  lines.push(
    ...heading("Paths", ""),
    "# By name: what differs from pathDefaults. A name that begins with ~ is a regular expression; all_others holds for every other name.",
    "paths: {}",
    "  # camera1:",
    "  #   source: rtsp://user:password@192.0.2.10:554/stream1",
    '  # "~^door(\\\\d+)$":',
    "  #   source: rtsp://192.0.2.$G1/stream1",
    "  #   sourceOnDemand: yes",
    "  # all_others:",
  );
  return `${lines.join("\n")}\n`;
}

function heading(title: string, indent: string): string[] {
  return [`${indent}${rule}`, `${indent}# ${title}`, ""];
}

function settingLines(section: Section, indent: string): string[] {
  const lines: string[] = [];
  for (const [name, setting] of Object.entries(section.settings)) {
    // The name of a path is its key, and `fallback` is an old setting.
    if (name === "name" || name === "fallback") {
      continue;
    }
    lines.push(`${indent}# ${setting.doc}${unitText(setting)}`);
    lines.push(...fieldComments(setting.type, `${indent}#   `));
    lines.push(...yamlLines(name, plainValue(setting.default, setting.type), indent), "");
  }
  return lines;
}

function unitText(setting: Setting): string {
  return setting.unit === undefined ? "" : ` (${setting.unit})`;
}

/** What the fields of a list's objects are. */
function fieldComments(type: ValueType, prefix: string): string[] {
  if (type.kind !== "list" || type.of.kind !== "object") {
    return [];
  }
  return Object.entries(type.of.fields).flatMap(([name, field]) => [
    `${prefix}${name}: ${field.doc}`,
    ...fieldComments(field.type, `${prefix}  `),
  ]);
}

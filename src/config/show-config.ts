// A loaded config as YAML for people, secrets left out.

import type { Config } from "./config.ts";
import { originText } from "./layer.ts";
import { redactValue } from "./redact.ts";
import { globalSchema, pathSchema, type SchemaEntry } from "./schema.ts";
import { plainValue, yamlLines, yamlText } from "./value-text.ts";

export interface ShowOptions {
  /** Adds where each value comes from as a comment. */
  readonly origins: boolean;
}

/** The lines of the merged config: every global setting, `pathDefaults`, and of each path what differs from them. */
export function showConfig(config: Config, options: ShowOptions): readonly string[] {
  const settingLines = (entry: SchemaEntry, key: string, value: unknown, field: string, indent: string): string[] => {
    const lines = yamlLines(key, redactValue(plainValue(value, entry.type), entry), indent);
    const origin = config.origins.get(field);
    return options.origins && origin !== undefined ? [`${lines[0]}  # ${originText(origin)}`, ...lines.slice(1)] : lines;
  };
  const lines: string[] = [];
  const groups = new Map<string, string[]>();
  for (const entry of globalSchema.values()) {
    const { group } = entry.section;
    const values = (group === undefined ? config.global : config.global[group as "mqtt"]) as Readonly<Record<string, unknown>>;
    const key = group === undefined ? entry.name : entry.name.slice(group.length + 1);
    const written = settingLines(entry, key, values[key], entry.name, group === undefined ? "" : "  ");
    if (group === undefined) {
      lines.push(...written);
    } else {
      groups.set(group, [...(groups.get(group) ?? [`${group}:`]), ...written]);
    }
  }
  lines.push(...[...groups.values()].flat(), "pathDefaults:");
  for (const entry of pathSchema.values()) {
    if (entry.name !== "name" && (entry.name !== "fallback" || config.pathDefaults.fallback !== "")) {
      lines.push(...settingLines(entry, entry.name, config.pathDefaults[entry.name as "source"], `pathDefaults.${entry.name}`, "  "));
    }
  }
  lines.push(config.paths.length === 0 ? "paths: {}" : "paths:");
  for (const path of config.paths) {
    lines.push(`  ${yamlText(path.name)}:`);
    for (const entry of pathSchema.values()) {
      const field = `paths.${path.name}.${entry.name}`;
      if (config.origins.has(field)) {
        lines.push(...settingLines(entry, entry.name, path.settings[entry.name as "source"], field, "    "));
      }
    }
  }
  return lines;
}

// A config as one list: each setting with its value, secrets left out, and where that came from.
import type { Config } from "./config.ts";
import { originText } from "./layer.ts";
import { redactValue } from "./redact.ts";
import { globalSchema, pathSchema, type SchemaEntry } from "./schema.ts";
import { plainValue } from "./value-text.ts";

export interface ConfigEntry {
  /** `readTimeout`, `ring.size`, `pathDefaults.record`, `paths.gate.source`. */
  readonly name: string;
  /** As JSON has it; durations and sizes as text. */
  readonly value: unknown;
  /** `default`, `camgate.yml:12`, `env:MTX_RTSPADDRESS`, `overlay` (the API), `desired` (the NOC). */
  readonly origin: string;
}

/** Every global setting, every default of paths, and of each path what was written for it. */
export function configEntries(config: Config): readonly ConfigEntry[] {
  const { global, pathDefaults, paths, origins } = config;
  const shown = (entry: SchemaEntry, name: string, value: unknown): ConfigEntry => {
    const origin = origins.get(name);
    return {
      name,
      value: redactValue(plainValue(value, entry.type), entry),
      origin: origin === undefined ? "default" : originText(origin),
    };
  };
  const ofGlobal = [...globalSchema.values()].map((entry) => {
    const { group } = entry.section;
    const values = (group === undefined ? global : global[group as "mqtt"]) as Readonly<Record<string, unknown>>;
    return shown(entry, entry.name, values[group === undefined ? entry.name : entry.name.slice(group.length + 1)]);
  });
  const ofPaths = [...pathSchema.values()].filter(({ name }) => name !== "name");
  return [
    ...ofGlobal,
    ...ofPaths.map((entry) => shown(entry, `pathDefaults.${entry.name}`, pathDefaults[entry.name as "source"])),
    ...paths.flatMap((path) =>
      ofPaths.flatMap((entry) => {
        const name = `paths.${path.name}.${entry.name}`;
        return origins.has(name) ? [shown(entry, name, path.settings[entry.name as "source"])] : [];
      }),
    ),
  ];
}

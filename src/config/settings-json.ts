// The config as the API answers it: MediaMTX's names and types, durations and sizes as text.

import type { Config, PathEntry } from "./config.ts";
import type { internalUser } from "./object-types.table.ts";
import { redacted, redactValue } from "./redact.ts";
import type { PathConfig } from "./schema.ts";
import { globalSchema, pathSchema, type SchemaEntry } from "./schema.ts";
import { plainValue } from "./value-text.ts";

/** All global settings; those of `ring` and `mqtt` as objects of their own. */
export function globalJson({ global }: Config): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const entry of globalSchema.values()) {
    const { group } = entry.section;
    if (group === undefined) json[entry.name] = shown(global[entry.name as "api"], entry, global.profile);
    else {
      const name = entry.name.slice(group.length + 1);
      const inner = (json[group] ?? {}) as Record<string, unknown>;
      json[group] = {
        ...inner,
        [name]: shown((global[group as "ring"] as Readonly<Record<string, unknown>>)[name], entry, global.profile),
      };
    }
  }
  return json;
}

export function pathDefaultsJson({ pathDefaults, global }: Config): Record<string, unknown> {
  return pathSettingsJson(pathDefaults, global.profile);
}

/** All settings of a path, its defaults filled in. */
export function pathJson({ settings }: PathEntry, { global }: Config): Record<string, unknown> {
  return pathSettingsJson(settings, global.profile);
}

function pathSettingsJson(settings: PathConfig, profile: Config["global"]["profile"]): Record<string, unknown> {
  const entries = [...pathSchema.values()].filter(({ name }) => name !== "fallback" || settings.fallback !== "");
  return Object.fromEntries(entries.map((entry) => [entry.name, shown(settings[entry.name as "source"], entry, profile)]));
}

/**
 * As MediaMTX, whose clients read a config, change it and write it back: the passwords of users are left out, those of cameras are not. The appliance leaves
 * out every secret.
 */
function shown(value: unknown, entry: SchemaEntry, profile: Config["global"]["profile"]): unknown {
  const plain = plainValue(value, entry.type);
  if (profile === "appliance") return redactValue(plain, entry);
  if (entry.name !== "authInternalUsers") return plain;
  return (plain as readonly Record<keyof typeof internalUser.fields, unknown>[]).map((user) => ({
    ...user,
    pass: user.pass === "" ? "" : redacted,
  }));
}

// The one schema of the config, put together from the tables: what exists, by name, and the types of a loaded config.

import type { gateway } from "./camgate-settings.table.ts";
import { camgateGlobalSections, mqtt, ring } from "./camgate-settings.table.ts";
import { mediamtxGlobalSections } from "./global-settings.table.ts";
import { camgatePathSections, mediamtxPathSections } from "./path-settings.table.ts";
import type { Decoded, Effect, Need, Profile, Section, Setting, Values } from "./setting.ts";

/** A setting with its full name (`mqtt.urls`) and what it has from its section. */
export interface SchemaEntry extends Setting {
  readonly name: string;
  readonly section: Section;
  readonly effect: Effect;
  readonly needs: readonly Need[];
}

export const globalSections: readonly Section[] = [...mediamtxGlobalSections, ...camgateGlobalSections];
export const pathSections: readonly Section[] = [...mediamtxPathSections, ...camgatePathSections];

/** Groups of global settings that are nested in the file: `ring:` and `mqtt:`. */
export const globalGroups: ReadonlySet<string> = new Set([ring.group!, mqtt.group!]);

export const globalSchema: ReadonlyMap<string, SchemaEntry> = bySettingName(globalSections);
export const pathSchema: ReadonlyMap<string, SchemaEntry> = bySettingName(pathSections);

function bySettingName(sections: readonly Section[]): Map<string, SchemaEntry> {
  const entries = new Map<string, SchemaEntry>();
  for (const section of sections) {
    for (const [shortName, setting] of Object.entries(section.settings)) {
      const name = section.group === undefined ? shortName : `${section.group}.${shortName}`;
      entries.set(name, {
        ...setting,
        name,
        section,
        effect: setting.effect ?? section.effect,
        needs: setting.needs ?? section.needs ?? [],
      });
    }
  }
  return entries;
}

/** The default of a setting in a profile. */
export function defaultOf(entry: Setting, profile: Profile): Decoded<Setting["type"]> {
  return profile === "appliance" && entry.appliance !== undefined ? entry.appliance : entry.default;
}

type Merged<Sections extends readonly Section[]> = Sections extends readonly [
  infer First extends Section,
  ...infer Rest extends readonly Section[],
]
  ? Values<First["settings"]> & Merged<Rest>
  : unknown;

/**
 * The global settings of a loaded config, by MediaMTX's names. Durations are numbers of milliseconds, sizes numbers of bytes.
 */
export type GlobalConfig = Merged<typeof mediamtxGlobalSections> &
  Values<(typeof gateway)["settings"]> & {
    readonly ring: Values<(typeof ring)["settings"]>;
    readonly mqtt: Values<(typeof mqtt)["settings"]>;
  };

/**
 * The settings of a path in a loaded config, defaults filled in, by MediaMTX's names. Durations are numbers of milliseconds, sizes numbers of bytes.
 */
export type PathConfig = Merged<typeof mediamtxPathSections> & Merged<typeof camgatePathSections>;

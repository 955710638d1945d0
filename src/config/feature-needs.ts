// What a config asks for that this version does not have: one warning per feature, and an error where protection would be missing.

import { type Feature, featureNames } from "./built-features.ts";
import { type Leaves, type Origin, originNote, originPlace } from "./layer.ts";
import type { MergedSettings } from "./merge-layers.ts";
import type { Problems } from "./problem.ts";
import { defaultOf, globalSchema, pathSchema, type SchemaEntry } from "./schema.ts";

/** Looks at every value that is not a default. */
export function reportMissingFeatures(settings: MergedSettings, built: ReadonlySet<Feature>, problems: Problems): void {
  const asked = new Map<Feature, { readonly origin: Origin; readonly fields: string[] }>();
  const look = (leaves: Leaves, schema: ReadonlyMap<string, SchemaEntry>, prefix: string, isOff: (name: string) => boolean): void => {
    for (const [name, leaf] of leaves) {
      const entry = schema.get(name);
      if (entry === undefined || leaf.origin.kind === "default" || isOff(name) || isSame(leaf.value, defaultOf(entry, settings.profile))) {
        continue;
      }
      const need = entry.needs.find(({ feature, asks }) => !built.has(feature) && (asks ?? isGiven)(leaf.value));
      if (need === undefined) {
        continue;
      }
      if (need.security === true) {
        const message = `needs ${featureNames[need.feature]}, which is not in this version; a config that relies on it for protection is refused`;
        problems.error(originPlace(leaf.origin), prefix + name, message + originNote(leaf.origin));
        continue;
      }
      const known = asked.get(need.feature) ?? { origin: leaf.origin, fields: [] };
      known.fields.push(prefix + name);
      asked.set(need.feature, known);
    }
  };
  const value = (name: string, ...places: readonly (Leaves | undefined)[]): unknown =>
    places.find((leaves) => leaves?.has(name))?.get(name)?.value;
  look(settings.global, globalSchema, "", (name) => isSwitchedOff(globalSchema, name, (other) => value(other, settings.global)));
  look(settings.pathDefaults, pathSchema, "pathDefaults.", (name) =>
    isSwitchedOff(pathSchema, name, (other) => value(other, settings.pathDefaults)),
  );
  for (const [path, leaves] of settings.paths) {
    const own = (name: string): unknown => value(name, leaves, settings.pathDefaults);
    look(leaves, pathSchema, `paths.${path}.`, (name) => isSwitchedOff(pathSchema, name, own));
  }
  for (const [feature, { origin, fields }] of asked) {
    const others = fields.length > 1 ? ` (as have ${fields.slice(1).join(", ")})` : "";
    problems.warning(
      originPlace(origin),
      fields[0]!,
      `asks for ${featureNames[feature]}, which is not in this version: it has no effect${others}`,
    );
  }
}

/** True where the section of a setting has a switch, and it is off. */
function isSwitchedOff(schema: ReadonlyMap<string, SchemaEntry>, name: string, valueAt: (name: string) => unknown): boolean {
  const switchName = schema.get(name)?.section.switch;
  return switchName !== undefined && valueAt(switchName) === false;
}

function isGiven(value: unknown): boolean {
  return value !== false && value !== "" && !(Array.isArray(value) && value.length === 0);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

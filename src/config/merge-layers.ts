// Defaults and layers into one set of values, each with its origin. The same merge serves the start, `camgate config show` and the API.

import { defaultOrigin, type Layer, type LayerName, type Leaf, type Leaves, type Origin } from "./layer.ts";
import type { Problems } from "./problem.ts";
import { defaultOf, globalSchema, pathSchema, type SchemaEntry } from "./schema.ts";
import type { LocalOnly, Profile } from "./setting.ts";

export interface MergedSettings {
  readonly profile: Profile;
  /** Every setting, defaults included. */
  readonly global: Leaves;
  /** Every setting, defaults included. */
  readonly pathDefaults: Leaves;
  /** By path name: only what a layer sets for that path. */
  readonly paths: ReadonlyMap<string, Leaves>;
  readonly pathOrigins: ReadonlyMap<string, Origin>;
}

/** Merges layers, lowest first. A list is replaced as a whole. What the API or the NOC may not set is reported and left out. */
export function mergeLayers(layers: readonly Layer[], problems: Problems): MergedSettings {
  const profile: Profile =
    layers.findLast((layer) => layer.global.has("profile"))?.global.get("profile")?.value === "appliance" ? "appliance" : "dropIn";
  const global = defaults(globalSchema, profile);
  const pathDefaults = defaults(pathSchema, profile);
  const paths = new Map<string, Leaves>();
  const pathOrigins = new Map<string, Origin>();
  for (const layer of layers) {
    const overlay = (target: Map<string, Leaf>, leaves: Leaves, schema: ReadonlyMap<string, SchemaEntry>, prefix: string): void => {
      for (const [name, leaf] of leaves) {
        if (mayComeFrom(layer.name, localOnlyRule(name, leaf.value, schema), global.get("apiAllowHooks")?.value === true)) {
          target.set(name, leaf);
        } else {
          problems.error({ file: undefined, line: undefined }, prefix + name, "can be set in the config file alone");
        }
      }
    };
    overlay(global, layer.global, globalSchema, "");
    overlay(pathDefaults, layer.pathDefaults, pathSchema, "pathDefaults.");
    for (const name of layer.removedPaths ?? []) {
      paths.delete(name);
      pathOrigins.delete(name);
    }
    for (const [name, leaves] of layer.paths) {
      const before = paths.get(name);
      const target = new Map(before);
      pathOrigins.set(name, pathOrigins.get(name) ?? layer.pathOrigins.get(name) ?? defaultOrigin);
      overlay(target, leaves, pathSchema, `paths.${name}.`);
      // What one layer alone says is the same object as long as it says it: buildConfig makes nothing anew for it.
      paths.set(name, before === undefined && target.size === leaves.size ? leaves : target);
    }
  }
  return { profile, global, pathDefaults, paths, pathOrigins };
}

function defaults(schema: ReadonlyMap<string, SchemaEntry>, profile: Profile): Map<string, Leaf> {
  return new Map([...schema].map(([name, entry]) => [name, { value: defaultOf(entry, profile), origin: defaultOrigin }]));
}

/** A source that starts a program is held to the rule of hooks. */
export function localOnlyRule(name: string, value: unknown, schema: ReadonlyMap<string, SchemaEntry>): LocalOnly | undefined {
  return name === "source" && typeof value === "string" && value.startsWith("ffmpeg://") ? "hook" : schema.get(name)?.localOnly;
}

export function mayComeFrom(layer: LayerName, rule: LocalOnly | undefined, apiAllowHooks: boolean): boolean {
  switch (layer) {
    case "file":
    case "environment":
      return true;
    case "overlay":
      return rule === undefined || (rule === "hook" && apiAllowHooks);
    case "desired":
      return rule === undefined || rule === "noc";
  }
}

// A loaded config: typed values, path entries in the order they are tried, and where every value comes from.

import type { PathPattern } from "./go-regexp.ts";
import type { Layer, Leaf, Leaves, Origin } from "./layer.ts";
import type { MergedSettings } from "./merge-layers.ts";
import { byMatchOrder, type PathKey, type PathKind, parsePathKey } from "./path-name.ts";
import { type GlobalConfig, type PathConfig, pathSchema } from "./schema.ts";

export interface PathEntry {
  /** The key in `paths:`, with the `~` of an expression. */
  readonly name: string;
  readonly kind: PathKind;
  /** Undefined for a static entry. */
  readonly pattern: PathPattern | undefined;
  /** `pathDefaults` and the entry's own settings. */
  readonly settings: PathConfig;
  /** Canonical JSON of every setting that cannot change on a live path: equal keys allow an update in place. */
  readonly recreateKey: string;
}

export interface Config {
  readonly global: GlobalConfig;
  readonly pathDefaults: PathConfig;
  /** Static entries, then expressions by their text, then the catch-all: the first that fits a name is its entry. */
  readonly paths: readonly PathEntry[];
  /** By full name: `readTimeout`, `mqtt.urls`, `pathDefaults.record`, `paths.cam1.source` (only what the path itself sets). */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The layers it was made of, lowest first. */
  readonly layers: readonly Layer[];
}

/** Gives merged settings their types. Keys of `paths:` that are not valid are left out; validation reports them. */
export function buildConfig(settings: MergedSettings, layers: readonly Layer[]): Config {
  const defaultsKey = JSON.stringify([...settings.pathDefaults].map(([name, { value }]) => [name, value]));
  const paths: PathEntry[] = [];
  for (const [name, leaves] of settings.paths) {
    const known = built.get(leaves);
    if (known?.entry.name === name && known.defaultsKey === defaultsKey) {
      paths.push(known.entry);
      continue;
    }
    const key = parsePathKey(name);
    if (!("fault" in key)) {
      const entry = buildEntry(name, key, leaves, settings.pathDefaults);
      built.set(leaves, { defaultsKey, entry });
      paths.push(entry);
    }
  }
  return {
    global: nested(settings.global) as unknown as GlobalConfig,
    pathDefaults: pathConfig("", new Map(), settings.pathDefaults),
    paths: paths.sort(byMatchOrder),
    origins: originsOf(settings),
    layers,
  };
}

/** Entries by what is said of them: a change of one path among thousands does not make all of them anew. */
const built = new WeakMap<Leaves, { readonly defaultsKey: string; readonly entry: PathEntry }>();

function buildEntry(name: string, { kind, pattern }: PathKey, leaves: Leaves, pathDefaults: Leaves): PathEntry {
  const settings = pathConfig(name, leaves, pathDefaults);
  return { name, kind, pattern, settings, recreateKey: recreateKey(settings) };
}

const recreating = [...pathSchema.values()].filter(({ effect, name }) => effect !== "live" && name !== "name").map(({ name }) => name);

function recreateKey(settings: PathConfig): string {
  return JSON.stringify(recreating.map((name) => settings[name as keyof PathConfig]));
}

function pathConfig(name: string, leaves: Leaves, pathDefaults: Leaves): PathConfig {
  const values = [...pathSchema.keys()].map((key) => [key, (leaves.get(key) ?? pathDefaults.get(key))!.value]);
  return { ...Object.fromEntries(values), name } as PathConfig;
}

/** `mqtt.urls` becomes `{ mqtt: { urls } }`. */
function nested(leaves: Leaves): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, leaf] of leaves) {
    const [group, key] = name.split(".");
    if (key === undefined) {
      values[name] = leaf.value;
    } else {
      const inner = (values[group!] ?? {}) as Record<string, unknown>;
      values[group!] = { ...inner, [key]: leaf.value };
    }
  }
  return values;
}

function originsOf(settings: MergedSettings): ReadonlyMap<string, Origin> {
  const origins = new Map<string, Origin>();
  const add = (prefix: string, leaves: ReadonlyMap<string, Leaf>): void => {
    for (const [name, leaf] of leaves) {
      origins.set(prefix + name, leaf.origin);
    }
  };
  add("", settings.global);
  add("pathDefaults.", settings.pathDefaults);
  for (const [path, leaves] of settings.paths) {
    origins.set(`paths.${path}`, settings.pathOrigins.get(path)!);
    add(`paths.${path}.`, leaves);
  }
  return origins;
}

// The layer that a config file makes, or another tree of settings: every key is looked up in the schema, every value decoded by its type.

import { decodeValue } from "./decode-value.ts";
import { type Layer, LayerBuilder, type LayerName, type Leaf, type OldNameLog, type Origin } from "./layer.ts";
import { nearestName } from "./nearest-name.ts";
import { globalAliases, type OldName, oldGlobalNames, oldPathNames } from "./old-names.table.ts";
import type { Place, Problems } from "./problem.ts";
import type { RawEntry, RawNode } from "./raw-node.ts";
import { globalGroups, globalSchema, pathSchema } from "./schema.ts";
import type { ValueType } from "./setting.ts";

/** Where a map of settings stands, and what it may hold. */
interface Scope {
  readonly leaves: Map<string, Leaf>;
  /** Stands before each key in messages: `paths.cam1.`. */
  readonly prefix: string;
  /** Stands before each key in the schema: `mqtt.`. */
  readonly group: string;
  readonly schema: ReadonlyMap<string, { readonly type: ValueType }>;
  readonly old: (name: string) => OldName | undefined;
  /** In a path an empty value means "not given"; elsewhere an empty list is refused, since it could mean all as well as none. */
  readonly emptyIsAbsent: boolean;
}

/** Decodes the root of a config file. Problems are reported with the line and do not stop the reading. */
export function fileLayer(root: RawNode, problems: Problems, oldNames: OldNameLog): Layer {
  return settingsLayer(root, { name: "file", originOf: (place) => ({ kind: "file", place }) }, problems, oldNames);
}

/** Decodes the root of a tree that is built as a config file is. */
export function settingsLayer(
  root: RawNode,
  layer: { readonly name: LayerName; originOf(place: Place): Origin },
  problems: Problems,
  oldNames: OldNameLog,
): Layer {
  const builder = new LayerBuilder();
  const globalScope = (group: string): Scope => ({
    leaves: builder.global,
    prefix: group,
    group,
    schema: globalSchema,
    old: (name) => oldGlobalNames.get(name) ?? globalAliases.get(name),
    emptyIsAbsent: false,
  });
  const pathScope = (leaves: Map<string, Leaf>, prefix: string, emptyIsAbsent: boolean): Scope => ({
    leaves,
    prefix,
    group: "",
    schema: pathSchema,
    old: (name) => oldPathNames.get(name),
    emptyIsAbsent,
  });
  const reader = new ScopeReader(problems, oldNames, builder, layer.originOf);
  if (root.kind === "scalar" || root.kind === "list") {
    problems.error(root.place, "", `the file holds a ${root.kind}, where a map of settings is needed`);
  }
  for (const entry of root.kind === "map" ? root.entries : []) {
    if (entry.key === "pathDefaults") {
      reader.readMap(entry, pathScope(builder.pathDefaults, "pathDefaults.", false));
    } else if (entry.key === "paths") {
      for (const path of reader.entriesOf(entry, "paths")) {
        const leaves = builder.path(path.key, layer.originOf(path.place));
        reader.readMap(path, pathScope(leaves, `paths.${path.key}.`, true));
      }
    } else if (globalGroups.has(entry.key)) {
      reader.readMap(entry, globalScope(`${entry.key}.`));
    } else {
      reader.readSetting(entry, globalScope(""));
    }
  }
  return builder.build(layer.name);
}

class ScopeReader {
  readonly #problems: Problems;
  readonly #oldNames: OldNameLog;
  readonly #builder: LayerBuilder;
  readonly #originOf: (place: Place) => Origin;

  constructor(problems: Problems, oldNames: OldNameLog, builder: LayerBuilder, originOf: (place: Place) => Origin) {
    this.#problems = problems;
    this.#oldNames = oldNames;
    this.#builder = builder;
    this.#originOf = originOf;
  }

  /** The entries of a map that may be empty. */
  entriesOf(entry: RawEntry, field: string): readonly RawEntry[] {
    if (entry.value.kind === "list" || entry.value.kind === "scalar") {
      this.#problems.error(entry.value.place, field, `is a ${entry.value.kind}, where a map is needed`);
    }
    return entry.value.kind === "map" ? entry.value.entries : [];
  }

  readMap(entry: RawEntry, scope: Scope): void {
    for (const inner of this.entriesOf(entry, scope.prefix.slice(0, -1))) {
      this.readSetting(inner, scope);
    }
  }

  readSetting(entry: RawEntry, scope: Scope): void {
    const name = scope.group + entry.key;
    const field = scope.prefix + entry.key;
    const old = scope.old(name);
    const valueType = old?.type ?? (entry.key.includes(".") ? undefined : scope.schema.get(name)?.type);
    if (valueType === undefined) {
      this.#reportUnknown(entry, scope, field);
      return;
    }
    if (old !== undefined) {
      this.#oldNames.note(entry.place, field, old);
    }
    const value =
      entry.value.kind === "null"
        ? this.#emptyValue(entry, valueType, field, scope)
        : decodeValue(entry.value, valueType, field, this.#problems);
    if (value === undefined) {
      return;
    }
    const origin = this.#originOf(entry.place);
    if (old === undefined) {
      scope.leaves.set(name, { value, origin });
    } else {
      this.#builder.assign(scope.leaves, old, value, origin);
    }
  }

  /** What a key without a value sets: nothing, except that a duration is 0 as MediaMTX has it. */
  #emptyValue(entry: RawEntry, type: ValueType, field: string, scope: Scope): unknown {
    if (scope.emptyIsAbsent) {
      return undefined;
    }
    if (type.kind === "list") {
      this.#problems.error(entry.place, field, "is empty: write [] for an empty list");
    }
    return type.kind === "duration" ? 0 : undefined;
  }

  #reportUnknown(entry: RawEntry, scope: Scope, field: string): void {
    const inPath = scope.schema === pathSchema;
    if (inPath && (globalSchema.has(entry.key) || globalGroups.has(entry.key))) {
      this.#problems.error(entry.place, field, "is a global setting: it belongs at the top of the file, not in a path");
    } else if (!inPath && scope.group === "" && (pathSchema.has(entry.key) || oldPathNames.has(entry.key))) {
      this.#problems.error(entry.place, field, "is a setting of paths: it belongs below pathDefaults or a path");
    } else {
      this.#problems.error(entry.place, field, "unknown setting", () => nearestName(entry.key, knownKeys(scope)));
    }
  }
}

/** The keys that may stand in a scope, without its group. */
function knownKeys(scope: Scope): string[] {
  const keys = [...scope.schema.keys()].filter((name) => name.startsWith(scope.group)).map((name) => name.slice(scope.group.length));
  return scope.prefix === "" ? [...keys.filter((name) => !name.includes(".")), ...globalGroups, "paths", "pathDefaults"] : keys;
}

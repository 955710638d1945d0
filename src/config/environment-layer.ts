// Settings from environment variables: `MTX_` or `CAMGATE_` (or the old `RTSP_`) and the name in capitals, levels joined by `_`.

import { lengthFault, objectFault, parseScalar } from "./decode-value.ts";
import { type Layer, LayerBuilder, type Leaf, type OldNameLog, type Origin } from "./layer.ts";
import type { MergedSettings } from "./merge-layers.ts";
import { nearestName } from "./nearest-name.ts";
import { globalAliases, type OldName, oldGlobalNames, oldPathNames } from "./old-names.table.ts";
import type { Problems } from "./problem.ts";
import { globalSchema, pathSchema } from "./schema.ts";
import type { ListType, ObjectType, ScalarType, ValueType } from "./setting.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** In the order they are applied. */
const prefixes = ["RTSP_", "MTX_", "CAMGATE_"] as const;
/** What hooks, `camgate noc` and tests find in their environment: no settings. */
const foreign =
  /^(MTX_(PATH|QUERY|CONN_TYPE|CONN_ID|SOURCE_TYPE|SOURCE_ID|READER_TYPE|READER_ID|SEGMENT_PATH|SEGMENT_DURATION)|CAMGATE_((NOC|PEER|TEST|FUZZ)_.*|VERSION|NATIVE))$/;
const confKey = /^(MTX|RTSP|CAMGATE)_CONFKEY$/;
const nowhere = { file: undefined, line: undefined };
/** A list grows by one at a time, so that an index in a variable's name cannot make a huge one. */
const notNext = "leaves a gap in the list: items are numbered from 0";

/**
 * The layer that the environment makes. Variables that address an item of a list change that item of the list in `lower`, or add one.
 */
export function environmentLayer(env: Environment, lower: MergedSettings, problems: Problems, oldNames: OldNameLog): Layer {
  const reader = new EnvironmentReader(lower, problems, oldNames);
  for (const prefix of prefixes) {
    const names = Object.keys(env).filter((name) => name.startsWith(prefix) && env[name] !== undefined);
    for (const name of names.sort(byIndex)) {
      if (confKey.test(name)) {
        problems.error(nowhere, name, "encrypted configuration files are not in this version");
      } else if (!foreign.test(name) && !reader.read(name, name.slice(prefix.length), env[name]!) && prefix !== "RTSP_") {
        problems.warning(nowhere, name, "no such setting; the variable is ignored");
      }
    }
  }
  return reader.finish();
}

/** Sorts names so that `_10_` comes after `_9_`. */
function byIndex(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

interface Found {
  readonly type: ValueType;
  readonly old: OldName | undefined;
  readonly name: string;
  readonly rest: readonly string[];
}

interface Target {
  readonly leaves: Map<string, Leaf>;
  readonly found: Found;
  /** The value of the setting so far, that an item of a list is changed in. */
  readonly current: () => unknown;
}

const globalNames = upperNames([...globalSchema.keys(), ...oldGlobalNames.keys(), ...globalAliases.keys()]);
const pathNames = upperNames([...pathSchema.keys(), ...oldPathNames.keys()]);

function upperNames(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map((name) => [name.toUpperCase().replace(".", "_"), name]));
}

class EnvironmentReader {
  readonly #lower: MergedSettings;
  readonly #problems: Problems;
  readonly #oldNames: OldNameLog;
  readonly #builder = new LayerBuilder();
  /** Variables by the list of objects they changed, to judge the objects once all variables are read. */
  readonly #changedLists = new Map<Map<string, Leaf>, Set<string>>();

  constructor(lower: MergedSettings, problems: Problems, oldNames: OldNameLog) {
    this.#lower = lower;
    this.#problems = problems;
    this.#oldNames = oldNames;
  }

  /** False where no setting has that name. */
  read(variable: string, name: string, text: string): boolean {
    const target = this.#target(name.split("_"), variable);
    if (target === undefined) {
      return false;
    }
    if (target === "path") {
      return true;
    }
    const { found, leaves } = target;
    const value = this.#value(found.type, found.rest, text, target.current(), variable);
    if (value === notFound) {
      return false;
    }
    if (value === undefined) {
      return true;
    }
    const origin = { kind: "environment", variable } as const;
    if (found.old !== undefined) {
      this.#oldNames.note(nowhere, variable, found.old);
      this.#builder.assign(leaves, found.old, value, origin);
      return true;
    }
    leaves.set(found.name, { value, origin });
    if (found.rest.length > 0) {
      const changed = this.#changedLists.get(leaves) ?? new Set<string>();
      this.#changedLists.set(leaves, changed.add(found.name));
    }
    return true;
  }

  finish(): Layer {
    for (const [leaves, names] of this.#changedLists) {
      for (const name of names) {
        const { type } = (leaves === this.#builder.global ? globalSchema : pathSchema).get(name)!;
        if (!this.#areWhole(leaves.get(name)!, type)) {
          leaves.delete(name); // what lacks a field must not go on
        }
      }
    }
    return this.#builder.build("environment");
  }

  #target(segments: readonly string[], variable: string): Target | "path" | undefined {
    const [first, second] = segments;
    if (first === "PATHDEFAULTS") {
      const found = find(
        segments.slice(1),
        pathNames,
        (name) => pathSchema.get(name)?.type,
        (name) => oldPathNames.get(name),
      );
      const leaves = this.#builder.pathDefaults;
      return found && { leaves, found, current: () => (leaves.get(found.name) ?? this.#lower.pathDefaults.get(found.name))?.value };
    }
    if (first === "PATHS") {
      if (second === undefined || second === "" || second !== second.toUpperCase()) {
        return undefined;
      }
      return this.#pathTarget(second.toLowerCase(), segments.slice(2), { kind: "environment", variable });
    }
    const found = find(
      segments,
      globalNames,
      (name) => globalSchema.get(name)?.type,
      (name) => oldGlobalNames.get(name) ?? globalAliases.get(name),
    );
    const leaves = this.#builder.global;
    return found && { leaves, found, current: () => (leaves.get(found.name) ?? this.#lower.global.get(found.name))?.value };
  }

  #pathTarget(path: string, segments: readonly string[], origin: Origin): Target | "path" | undefined {
    if (segments.length === 0) {
      this.#builder.path(path, origin);
      return "path";
    }
    const found = find(
      segments,
      pathNames,
      (name) => pathSchema.get(name)?.type,
      (name) => oldPathNames.get(name),
    );
    if (found === undefined) {
      return undefined;
    }
    const leaves = this.#builder.path(path, origin);
    const lower = this.#lower.paths.get(path)?.get(found.name) ?? this.#lower.pathDefaults.get(found.name);
    return { leaves, found, current: () => (leaves.get(found.name) ?? this.#builder.pathDefaults.get(found.name) ?? lower)?.value };
  }

  /** The new value of a setting, or of the part of it that `rest` addresses. */
  #value(type: ValueType, rest: readonly string[], text: string, current: unknown, variable: string): unknown {
    if (rest.length > 0) {
      return type.kind === "list" && type.of.kind === "object" ? this.#item(type.of, rest, text, current, variable) : notFound;
    }
    if (type.kind === "list") {
      return this.#list(type, text, variable);
    }
    return type.kind === "object" ? notFound : this.#scalar(type, text, variable);
  }

  #scalar(type: ScalarType, text: string, variable: string): unknown {
    const result = parseScalar(text, type);
    if ("fault" in result) {
      this.#problems.error(nowhere, variable, result.fault, () => (type.kind === "enum" ? nearestName(text, type.values) : undefined));
      return undefined;
    }
    return result.value;
  }

  #list(type: ListType, text: string, variable: string): unknown {
    if (text === "") {
      return [];
    }
    const { of } = type;
    if (of.kind === "object" || of.kind === "list") {
      this.#problems.error(nowhere, variable, `holds several values: address one of them, as in ${variable}_0_…`);
      return undefined;
    }
    const values = text.split(",").map((item) => this.#scalar(of, item, variable));
    if (values.includes(undefined)) {
      return undefined;
    }
    const fault = lengthFault(values, type);
    if (fault !== undefined) {
      this.#problems.error(nowhere, variable, fault);
      return undefined;
    }
    return values;
  }

  #item(type: ObjectType, rest: readonly string[], text: string, current: unknown, variable: string): unknown {
    const items = Array.isArray(current) ? [...(current as readonly Record<string, unknown>[])] : [];
    const [indexText, fieldText, ...deeper] = rest;
    if (!/^\d{1,6}$/.test(indexText!) || fieldText === undefined) {
      return notFound;
    }
    const index = Number(indexText);
    const field = Object.keys(type.fields).find((name) => name.toUpperCase() === fieldText);
    if (field === undefined) {
      return notFound;
    }
    if (index > items.length) {
      this.#problems.error(nowhere, variable, notNext);
      return undefined;
    }
    const item = items[index] ?? newItem(type);
    const value = this.#value(type.fields[field]!.type, deeper, text, item[field], variable);
    if (value === notFound || value === undefined) {
      return value;
    }
    items[index] = { ...item, [field]: value };
    return items;
  }

  /** Whether the objects of a list have all they need; reports those that have not. */
  #areWhole(leaf: Leaf, type: ValueType): boolean {
    if (type.kind !== "list" || type.of.kind !== "object" || leaf.origin.kind !== "environment") {
      return true;
    }
    const { variable } = leaf.origin;
    const { of } = type;
    const faults = (leaf.value as readonly object[]).map((value) => deepFault(value, of)).filter((fault) => fault !== undefined);
    for (const fault of faults) {
      this.#problems.error(nowhere, variable, fault);
    }
    return faults.length === 0;
  }
}

/** An item that a variable begins: what must be given is left out until another variable gives it. */
function newItem(type: ObjectType): Record<string, unknown> {
  const optional = Object.entries(type.fields).filter(([, setting]) => setting.required !== true);
  return Object.fromEntries(optional.map(([name, setting]) => [name, setting.default]));
}

function deepFault(value: object, type: ObjectType): string | undefined {
  for (const [name, setting] of Object.entries(type.fields)) {
    const inner = (value as Record<string, unknown>)[name];
    if (setting.type.kind === "list" && setting.type.of.kind === "object" && Array.isArray(inner)) {
      const { of } = setting.type;
      const fault = inner.map((item) => deepFault(item as object, of)).find((text) => text !== undefined);
      if (fault !== undefined) {
        return `${name}: ${fault}`;
      }
    }
  }
  return objectFault(value, new Set(Object.keys(value)), type);
}

const notFound = Symbol("not found");

/** The setting whose name the segments begin with; groups have two segments, others one. */
function find(
  segments: readonly string[],
  names: ReadonlyMap<string, string>,
  type: (name: string) => ValueType | undefined,
  old: (name: string) => OldName | undefined,
): Found | undefined {
  for (const length of [2, 1]) {
    const name = names.get(segments.slice(0, length).join("_"));
    if (name !== undefined && segments.length >= length) {
      const oldName = old(name);
      return { type: (oldName?.type ?? type(name))!, old: oldName, name, rest: segments.slice(length) };
    }
  }
  return undefined;
}

// A change that the API asks for, decoded, and whether the API may make it.

import { CallerFault } from "#base/errors.ts";
import type { Config } from "./config.ts";
import { decodeJsonSettings } from "./json-settings.ts";
import type { Leaf, Leaves } from "./layer.ts";
import { localOnlyRule, mayComeFrom } from "./merge-layers.ts";
import { globalSchema, pathSchema, type SchemaEntry } from "./schema.ts";

/** `body`: some settings, as JSON has them. */
export type ChangeRequest =
  | { readonly scope: "global" | "pathDefaults"; readonly body: unknown }
  | { readonly scope: "add" | "patch" | "replace"; readonly path: string; readonly body: unknown };

export interface ConfigChange {
  readonly global: Leaves;
  readonly pathDefaults: Leaves;
  readonly path: Leaves;
  /** Full names of all that is set, and of the path. */
  readonly fields: readonly string[];
}

/**
 * Throws a CallerFault that names the field. What only the file may set passes where it is what it is already: clients write back what they have read.
 * @param sourceFault what is wrong with a source that the API sets
 */
export function readChange(request: ChangeRequest, config: Config, sourceFault: (source: string) => string | undefined): ConfigChange {
  const scope = request.scope === "global" || request.scope === "pathDefaults" ? request.scope : "path";
  const decoded = decodeJsonSettings(request.body, scope);
  if ("fault" in decoded) throw new CallerFault("invalid", decoded.fault);
  const prefix = "path" in request ? `paths.${request.path}.` : "";
  const change = {
    global: allowed(decoded.global, globalSchema, config, (name) => globalValue(config, name)),
    pathDefaults: allowed(decoded.pathDefaults, pathSchema, config, (name) => config.pathDefaults[name as "source"]),
    path: allowed(decoded.path, pathSchema, config, (name) => valueBefore(request, config, name)),
  };
  for (const leaves of [change.pathDefaults, change.path]) {
    const source = leaves.get("source")?.value;
    const fault = typeof source === "string" ? sourceFault(source) : undefined;
    if (fault !== undefined) throw new CallerFault("invalid", `source: ${fault}`, "source");
  }
  const fields = [
    ...change.global.keys(),
    ...[...change.pathDefaults.keys()].map((name) => `pathDefaults.${name}`),
    ...[...change.path.keys()].map((name) => prefix + name),
  ];
  return { ...change, fields: "path" in request ? [`paths.${request.path}`, ...fields] : fields };
}

function allowed(
  leaves: Leaves,
  schema: ReadonlyMap<string, SchemaEntry>,
  config: Config,
  valueNow: (name: string) => unknown,
): ReadonlyMap<string, Leaf> {
  const left = new Map<string, Leaf>();
  for (const [name, leaf] of leaves) {
    const rule = localOnlyRule(name, leaf.value, schema);
    if (mayComeFrom("overlay", rule, config.global.apiAllowHooks)) left.set(name, leaf);
    else if (JSON.stringify(leaf.value) !== JSON.stringify(valueNow(name))) {
      const what = name === "source" ? "a source that starts a program" : "it";
      const cure = rule === "hook" ? "; `apiAllowHooks: yes` there lets the API set it" : "";
      throw new CallerFault("invalid", `${name}: ${what} can be set in the config file alone${cure}`, name);
    }
  }
  return left;
}

function globalValue({ global }: Config, name: string): unknown {
  const [group, key] = name.split(".");
  return key === undefined ? global[name as "api"] : (global[group as "ring"] as Readonly<Record<string, unknown>>)[key];
}

/** Of a path's setting, without the change: one that is replaced loses what it has. */
function valueBefore(request: ChangeRequest, config: Config, name: string): unknown {
  const entry = request.scope === "patch" ? config.paths.find((one) => one.name === request.path) : undefined;
  return (entry?.settings ?? config.pathDefaults)[name as "source"];
}

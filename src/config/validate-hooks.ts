// What commands of hooks must be: complete, and allowed at all.

import { splitCommandLine } from "#base/process/command-line.ts";
import type { Config } from "./config.ts";
import { originPlace } from "./layer.ts";
import type { Problems } from "./problem.ts";
import { globalSchema, pathSchema } from "./schema.ts";

/** Global settings, or those of a path. */
type Settings = Readonly<Record<string, unknown>>;

const HOOKS_OFF = "cannot be used: in the appliance profile hooks are off. To send a stream on to another server, use forward:";

const COMMANDS = [...globalSchema.values(), ...pathSchema.values()]
  .filter(({ name, type }) => name.startsWith("runOn") && type.kind === "text")
  .map(({ name }) => name);

function commandsIn(settings: Settings): readonly (readonly [name: string, line: string])[] {
  return COMMANDS.flatMap((name) => {
    const line = settings[name];
    return typeof line === "string" && line !== "" ? [[name, line] as const] : [];
  });
}

/** A device that ships with a password of its own starts no program for a config. */
export function validateAppliance(settings: Settings, report: (field: string, message: string) => void): void {
  for (const [name] of commandsIn(settings)) report(name, HOOKS_OFF);
}

/** MediaMTX starts with such a command as well, and runs nothing. */
export function warnOfBrokenCommands({ global, pathDefaults, paths, origins }: Config, problems: Problems): void {
  const all: readonly (readonly [prefix: string, settings: Settings])[] = [
    ["", global],
    ["pathDefaults.", pathDefaults],
    ...paths.map(({ name, settings }) => [`paths.${name}.`, settings] as const),
  ];
  for (const [prefix, settings] of all) {
    for (const [name, line] of commandsIn(settings)) {
      const origin = origins.get(prefix + name);
      if (origin === undefined || origin.kind === "default" || splitCommandLine(line) !== undefined) continue;
      problems.warning(originPlace(origin), prefix + name, "has a quote or a backslash without an end: nothing is run");
    }
  }
}

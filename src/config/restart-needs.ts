// Settings that are taken at the start alone: which of them say something else than they did then.

import type { Config } from "./config.ts";
import { globalSchema } from "./schema.ts";

const NAMES = [...globalSchema.values()].filter(({ effect }) => effect === "process").map(({ name }) => name);

export class RestartNeeds {
  readonly #start: Config;
  /** Where the ring is opened: with the first path that is recorded there. */
  #ring: Config | undefined;

  constructor(start: Config) {
    this.#start = start;
    this.note(start);
  }

  /** It runs now. */
  note(config: Config): void {
    const usesRing = config.global.ring.directory !== "" && config.paths.some(({ settings }) => settings.recordStore === "ring");
    if (usesRing) this.#ring ??= config;
  }

  /** Full names. */
  pending(config: Config): readonly string[] {
    return NAMES.filter((name) => {
      const taken = name.startsWith("ring.") ? this.#ring : this.#start;
      return taken !== undefined && JSON.stringify(valueIn(taken, name)) !== JSON.stringify(valueIn(config, name));
    });
  }
}

function valueIn({ global }: Config, name: string): unknown {
  const [group, key] = name.split(".");
  return key === undefined ? global[name as "api"] : (global[group as "ring"] as Readonly<Record<string, unknown>>)[key];
}

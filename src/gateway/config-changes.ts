// Which settings differ between two configs, by name: what an event may tell, since it holds no value.
import type { Config } from "#config/config.ts";

/** Events are small: the rest is one word. */
const MAX_NAMES = 32;

export function configChanges(before: Config, after: Config): readonly string[] {
  const names = [...differing(before.global, after.global, ""), ...differing(pathsOf(before), pathsOf(after), "paths.")];
  return names.length > MAX_NAMES ? [...names.slice(0, MAX_NAMES), "…"] : names;
}

function pathsOf({ paths }: Config): Readonly<Record<string, unknown>> {
  return Object.fromEntries(paths.map(({ name, settings }) => [name, settings]));
}

function differing(before: object, after: object, prefix: string): readonly string[] {
  const [one, other] = [before, after] as readonly Readonly<Record<string, unknown>>[];
  const names = new Set([...Object.keys(one!), ...Object.keys(other!)]);
  return [...names].filter((name) => JSON.stringify(one![name]) !== JSON.stringify(other![name])).map((name) => prefix + name);
}

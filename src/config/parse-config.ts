// From the text of a config file and the environment to a loaded config, or to everything that is wrong with it.

import { builtFeatures, type Feature } from "./built-features.ts";
import { buildConfig, type Config } from "./config.ts";
import { type Environment, environmentLayer } from "./environment-layer.ts";
import { reportMissingFeatures } from "./feature-needs.ts";
import { fileLayer } from "./file-layer.ts";
import { defaultOrigin, type Layer, OldNameLog, type Origin, originNote, originPlace } from "./layer.ts";
import { withLegacyCredentials } from "./legacy-credentials.ts";
import { type MergedSettings, mergeLayers } from "./merge-layers.ts";
import { catchAllNames, parsePathKey } from "./path-name.ts";
import { type Problem, Problems } from "./problem.ts";
import { validateGlobal } from "./validate-global.ts";
import { warnOfBrokenCommands } from "./validate-hooks.ts";
import { validatePath } from "./validate-path.ts";
import { warnOfFileSettings } from "./validate-recording.ts";
import { validateSchedules } from "./validate-schedules.ts";
import { readYaml } from "./yaml-source.ts";

export interface ParsedConfig {
  /** Undefined where there is an error. */
  readonly config?: Config;
  /** Errors and warnings, by line. */
  readonly problems: readonly Problem[];
}

export interface ParseOptions {
  /** Layers above the environment: the API's overlay, the NOC's desired config. */
  readonly higherLayers?: readonly Layer[];
  /** Which features exist; this version's unless a test says otherwise. */
  readonly features?: ReadonlySet<Feature>;
}

/**
 * Parses a config. Durations in the result are milliseconds, sizes bytes.
 * @param fileName stands in problems and origins; nothing is read from it
 */
export function parseConfig(text: string, fileName: string, env: Environment, options: ParseOptions = {}): ParsedConfig {
  const lower = readLayers(text, fileName, env);
  const parsed = configOfLayers([...lower.layers, ...(options.higherLayers ?? [])], options.features);
  const problems = [...lower.problems, ...parsed.problems].sort(byLine);
  return parsed.config === undefined || lower.hasErrors ? { problems } : { config: parsed.config, problems };
}

/** What a config file and the environment say, before it is judged as a whole. */
export interface LowerConfig {
  /** File and environment, lowest first. */
  readonly layers: readonly Layer[];
  readonly problems: readonly Problem[];
  readonly hasErrors: boolean;
}

/** As `parseConfig`, as far as it can be told without the layers above. */
export function readLayers(text: string, fileName: string, env: Environment): LowerConfig {
  const problems = new Problems();
  const oldNames = new OldNameLog();
  const root = readYaml(text, fileName, problems);
  const file = fileLayer(root ?? { kind: "null", place: { file: fileName, line: undefined } }, problems, oldNames);
  const environment = environmentLayer(env, mergeLayers([file], new Problems()), problems, oldNames);
  oldNames.report(problems);
  return { layers: [file, environment], problems: problems.all, hasErrors: problems.hasErrors };
}

/** The config that layers make together, lowest first, or what is wrong with it. Serves changes over API and MQTT as well. */
export function configOfLayers(layers: readonly Layer[], features: ReadonlySet<Feature> = builtFeatures): ParsedConfig {
  const problems = new Problems();
  const settings = withLegacyCredentials(mergeLayers(layers, problems), problems);
  reportMissingFeatures(settings, features, problems);
  const config = buildConfig(settings, layers);
  validate(config, settings, problems);
  return problems.hasErrors ? { problems: problems.all } : { config, problems: problems.all };
}

function validate(config: Config, settings: MergedSettings, problems: Problems): void {
  const report = (field: string, message: string, sources: readonly string[]): void => {
    const origin = firstSet(config.origins, sources);
    problems.error(originPlace(origin), field, message + originNote(origin));
  };
  validateGlobal(config.global, (field, message, because = field) => report(field, message, [field, because]));
  validateSchedules(config, (field, message, because = field) => report(field, message, [field, because]));
  validatePathKeys(settings, problems);
  for (const entry of config.paths) {
    validatePath(entry, config.global, config.paths, (name, message) => {
      const field = `paths.${entry.name}.${name}`;
      report(field, message, [field, `pathDefaults.${name}`, `paths.${entry.name}`]);
    });
  }
  warnOfFileSettings(config, problems);
  warnOfBrokenCommands(config, problems);
}

function validatePathKeys(settings: MergedSettings, problems: Problems): void {
  let catchAll: string | undefined;
  for (const [name, origin] of settings.pathOrigins) {
    const key = parsePathKey(name);
    if ("fault" in key) {
      problems.error(originPlace(origin), `paths.${name}`, key.fault + originNote(origin));
    } else if (catchAllNames.has(name)) {
      if (catchAll !== undefined) {
        problems.error(
          originPlace(origin),
          `paths.${name}`,
          `means the same as '${catchAll}': a config has one catch-all${originNote(origin)}`,
        );
      }
      catchAll ??= name;
    }
  }
}

/** The origin of the first of these settings that was set at all. */
function firstSet(origins: ReadonlyMap<string, Origin>, fields: readonly string[]): Origin {
  return fields.map((field) => origins.get(field)).find((origin) => origin !== undefined && origin.kind !== "default") ?? defaultOrigin;
}

export function byLine(a: Problem, b: Problem): number {
  return (a.line ?? Number.POSITIVE_INFINITY) - (b.line ?? Number.POSITIVE_INFINITY) || 0;
}

// Finds and reads the config file.

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "./config.ts";
import type { Environment } from "./environment-layer.ts";
import { byLine, configOfLayers, type LowerConfig, readLayers } from "./parse-config.ts";
import type { Problem } from "./problem.ts";

export interface LoadOptions {
  /** The file that was asked for; without it the usual places are searched. */
  readonly file?: string;
  readonly env: Environment;
  /** The working directory; the process's own unless given. */
  readonly cwd?: string;
  /** Whether a candidate of the search exists; asks the file system unless a test says otherwise. */
  readonly exists?: (path: string) => boolean;
}

export interface LoadedConfig {
  /** Undefined where there is an error. */
  readonly config?: Config;
  readonly problems: readonly Problem[];
  /** The file that was read; undefined where none was found and the defaults hold. */
  readonly file: string | undefined;
}

/** The places a config is looked for, first to last. The last two are where containers mount it. */
export function configCandidates(cwd: string): readonly string[] {
  return [
    join(cwd, "camgate.yml"),
    join(cwd, "rtsp-simple-server.yml"),
    join(cwd, "mediamtx.yml"),
    "/usr/local/etc/camgate.yml",
    "/usr/local/etc/mediamtx.yml",
    "/usr/etc/camgate.yml",
    "/usr/etc/mediamtx.yml",
    "/etc/camgate/camgate.yml",
    "/etc/mediamtx/mediamtx.yml",
    "/camgate.yml",
    "/mediamtx.yml",
  ];
}

/** Loads the config. A file that was asked for must be there; without any file the defaults and the environment make the config. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const lower = loadLayers(options);
  const parsed = configOfLayers(lower.layers);
  const problems = [...lower.problems, ...parsed.problems].sort(byLine);
  const { file } = lower;
  return parsed.config === undefined || lower.hasErrors ? { problems, file } : { config: parsed.config, problems, file };
}

export interface LoadedLayers extends LowerConfig {
  /** The file that was read; undefined where none was found. */
  readonly file: string | undefined;
}

/** As `loadConfig`, for a config that more layers than file and environment make. */
export function loadLayers(options: LoadOptions): LoadedLayers {
  const cwd = options.cwd ?? process.cwd();
  const file = options.file ?? configCandidates(cwd).find(options.exists ?? existsSync);
  if (file === undefined) return { ...readLayers("", "", options.env), file };
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(resolve(cwd, file)));
  } catch (error) {
    const message =
      error instanceof TypeError ? "is not UTF-8 text" : `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { layers: [], problems: [{ severity: "error", file, line: undefined, field: "", message }], hasErrors: true, file };
  }
  return { ...readLayers(text, shownName(file, cwd), options.env), file };
}

/** Files of the working directory are shown without it. */
function shownName(file: string, cwd: string): string {
  return file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file;
}

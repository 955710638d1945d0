// Finds and reads the config file. The only file of this room that touches the file system.

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "./config.ts";
import type { Environment } from "./environment-layer.ts";
import { parseConfig } from "./parse-config.ts";
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
  const cwd = options.cwd ?? process.cwd();
  const found = options.file ?? configCandidates(cwd).find(options.exists ?? existsSync);
  if (found === undefined) {
    return { ...parseConfig("", "", options.env), file: undefined };
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(resolve(cwd, found)));
  } catch (error) {
    const message =
      error instanceof TypeError ? "is not UTF-8 text" : `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { problems: [{ severity: "error", file: found, line: undefined, field: "", message }], file: found };
  }
  return { ...parseConfig(text, shownName(found, cwd), options.env), file: found };
}

/** Files of the working directory are shown without it. */
function shownName(file: string, cwd: string): string {
  return file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file;
}

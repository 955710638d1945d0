// `camgate config show [--origins] [file]`: prints what a config comes to with all its layers, secrets left out.

import type { LoadOptions } from "#config/load-config.ts";
import { loadStartConfig } from "#config/load-start.ts";
import { formatProblem } from "#config/problem.ts";
import { showConfig } from "#config/show-config.ts";
import type { Output } from "./output.ts";

/**
 * Prints the merged config as YAML.
 * @returns the exit code: 1 where the config has an error or the arguments are wrong
 */
export async function runConfig(
  args: readonly string[],
  out: Output,
  surroundings: Pick<LoadOptions, "env" | "cwd"> = { env: process.env },
): Promise<number> {
  const [command, ...rest] = args;
  const files = rest.filter((arg) => arg !== "--origins");
  if (command !== "show" || files.length > 1 || files[0]?.startsWith("-")) {
    out.line("usage: camgate config show [--origins] [file]");
    return 1;
  }
  const loaded = loadStartConfig(files[0] === undefined ? surroundings : { ...surroundings, file: files[0] });
  if (loaded.config === undefined) {
    for (const problem of loaded.problems) {
      out.line(formatProblem(problem));
    }
    return 1;
  }
  for (const note of loaded.overlayNotes) out.line(`# ${note}`);
  for (const line of showConfig(loaded.config, { origins: rest.includes("--origins") })) {
    out.line(line);
  }
  return 0;
}

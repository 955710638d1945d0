// `camgate check [file]`: prints everything that is wrong with a config.

import { counted } from "#base/counted.ts";
import { type LoadOptions, loadConfig } from "#config/load-config.ts";
import { formatProblem } from "#config/problem.ts";
import type { Output } from "./output.ts";

/**
 * Prints every problem, then a summary such as `mediamtx.yml: 0 errors, 1 warning`.
 * @returns the exit code: 1 where there is an error or the arguments are wrong
 */
export async function runCheck(
  args: readonly string[],
  out: Output,
  surroundings: Pick<LoadOptions, "env" | "cwd"> = { env: process.env },
): Promise<number> {
  const [file, ...more] = args;
  if (more.length > 0 || file?.startsWith("-")) {
    out.line("usage: camgate check [file]");
    return 1;
  }
  const loaded = loadConfig(file === undefined ? surroundings : { ...surroundings, file });
  for (const problem of loaded.problems) {
    out.line(formatProblem(problem));
  }
  const count = (severity: string): number => loaded.problems.filter((problem) => problem.severity === severity).length;
  out.line(`${loaded.file ?? "no config file, defaults"}: ${counted(count("error"), "error")}, ${counted(count("warning"), "warning")}`);
  return loaded.config === undefined ? 1 : 0;
}

// Keeps V8's young generation as small as it begins, 1 MiB for each half.
//
// Frames lie outside of V8's heap and are freed when the young generation is collected, which goes by what is inside of the heap: the larger it is,
// the more memory waits for that, and the more frames grow old, for major collections to free (docs/performance.md).
import { setFlagsFromString } from "node:v8";

/** Does nothing where whoever started the process has said something of the size: `options` are Node's own, of the command line and of NODE_OPTIONS. */
export function keepYoungGenerationSmall(options: readonly string[] = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""]): void {
  if (options.some((option) => /semi[-_]space/.test(option))) return;
  // Unlike --max-semi-space-size it holds for a process that runs.
  setFlagsFromString("--semi-space-growth-factor=1");
}

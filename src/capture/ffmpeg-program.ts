// Which ffmpeg is run: that of the optional package ffmpeg-static where its download at installation has happened, else the one on the PATH.
import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const ON_PATH = "ffmpeg";
/** The package is not loaded, its program is looked for. */
const PACKAGE = "ffmpeg-static/package.json";

/** A file, or a name that is looked for on the PATH when it is started. */
export function ffmpegProgram(): string {
  return packagedFfmpeg(createRequire(import.meta.url).resolve) ?? ON_PATH;
}

/** The package's program; undefined where there is no package, or no program in it. Never throws. */
export function packagedFfmpeg(resolve: (file: string) => string): string | undefined {
  try {
    const program = join(dirname(resolve(PACKAGE)), process.platform === "win32" ? "ffmpeg.exe" : "ffmpeg");
    accessSync(program, constants.X_OK);
    return program;
  } catch {
    return undefined;
  }
}

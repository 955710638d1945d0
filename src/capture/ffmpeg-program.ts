// Which ffmpeg is run: that of the optional package ffmpeg-static where it is installed, else the one on the PATH.
import { accessSync, constants } from "node:fs";
import { createRequire } from "node:module";

const ON_PATH = "ffmpeg";
const PACKAGE = "ffmpeg-static";

/** A file, or a name that is looked for on the PATH when it is started. */
export function ffmpegProgram(): string {
  return packagedFfmpeg(createRequire(import.meta.url)) ?? ON_PATH;
}

/** The package's file; undefined where there is no package, or its download did not happen. Never throws. */
export function packagedFfmpeg(load: (name: string) => unknown): string | undefined {
  try {
    const file = load(PACKAGE);
    if (typeof file !== "string") return undefined;
    accessSync(file, constants.X_OK);
    return file;
  } catch {
    return undefined;
  }
}

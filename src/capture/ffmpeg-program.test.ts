import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { ffmpegProgram, packagedFfmpeg } from "./ffmpeg-program.ts";

test("the package's program, where it can be run", { skip: process.platform === "win32" }, async (t) => {
  const folder = await temporaryFolder(t);
  const resolve = (file: string): string => join(folder, file);
  const found = (): string | undefined => packagedFfmpeg((file) => resolve(file.replace("ffmpeg-static/", "")));
  assert.equal(found(), undefined, "its download did not happen");
  await writeFile(join(folder, "ffmpeg"), "#!/bin/sh\n");
  assert.equal(found(), undefined, "it was cut short, and not made a program");
  await chmod(join(folder, "ffmpeg"), 0o755);
  assert.equal(found(), join(folder, "ffmpeg"));
});

test("no package", () => {
  const resolve = (): never => {
    throw new Error("Cannot find module");
  };
  assert.equal(packagedFfmpeg(resolve), undefined);
  assert.match(ffmpegProgram(), /ffmpeg$/);
});
